import { dataDirectory } from '../../local/data-directory';
import { requireKeys } from '../../local/keys';
import { OperatorError } from '../../local/operator-error';
import { currentRun } from '../../local/run-lock';
import { keyIdOf, tokenKeyOf } from '../../runtime/auth';
import { type InstanceKey, type KeyHistory, NO_HISTORY } from '../../runtime/ledger/keys/key-history';
import { LedgerApi, textMember } from '../ledger-api';
import { table } from '../table';
import { keyHistoryOfUrl } from './key-history-source';

/** Options of `logline keys show`. */
export interface ShowOptions {
  readonly url?: string;
  /** A stack on AWS. */
  readonly stack?: string;
  readonly json?: boolean;
}

interface Shown {
  readonly publicKey: string;
  /** `kid` of the instance's tokens; undefined for another instance. */
  readonly tokenKeyId: string | undefined;
  readonly history: KeyHistory;
  /** Origin of the history, for display. */
  readonly source: string;
  /** Remarks for the operator. */
  readonly remarks: readonly string[];
}

/** Prints public key and key history of the local ledger, or of one at a URL. */
export async function showKeys({ url: given, stack, json }: ShowOptions): Promise<void> {
  if (given !== undefined && stack !== undefined) {
    throw new OperatorError('give either --url or --stack', { exitCode: 2 });
  }
  const url = stack === undefined ? given : await urlOfStack(stack);
  const shown = url === undefined ? await showLocal() : await showRemote(new LedgerApi(url, undefined));
  process.stdout.write(json ? `${JSON.stringify(asJson(shown))}\n` : `${asText(shown).join('\n')}\n`);
}

/** Loaded only when asked for: the Pulumi SDK is large. */
async function urlOfStack(stack: string): Promise<string> {
  const { stackUrl } = await import('../deploy/stack-url');
  const { stackSettings } = await import('../aws/stack-file');
  stackSettings(stack);
  return stackUrl(stack);
}

async function showRemote(client: LedgerApi): Promise<Shown> {
  const publicKey = textMember(await client.demand('/api/health'), 'public_key');
  if (publicKey === undefined) throw new OperatorError(`${client.url} does not say its public key`);
  const history = await keyHistoryOfUrl(client);
  const isKnown = history.keys.get(publicKey)?.status === 'active';
  return {
    publicKey,
    tokenKeyId: undefined,
    history,
    source: client.url,
    remarks: isKnown ? [] : ['The key that signs now is not the active one of the history.'],
  };
}

async function showLocal(): Promise<Shown> {
  const data = dataDirectory();
  const { ring } = await requireKeys(data);
  const url = (await currentRun(data))?.url;
  const remarks =
    ring.next === undefined
      ? []
      : [`A rotation to ${ring.next.publicKeyHex} was interrupted; npx logline keys rotate finishes it.`];
  const shown = {
    publicKey: ring.current.publicKeyHex,
    tokenKeyId: keyIdOf(tokenKeyOf(ring.current).publicKeyHex),
  };
  if (url === undefined) {
    return {
      ...shown,
      history: NO_HISTORY,
      source: data.keys,
      remarks: [...remarks, 'The key history is in the ledger, which does not run now.'],
    };
  }
  const remote = await showRemote(new LedgerApi(url, undefined));
  return { ...remote, ...shown, remarks: [...remote.remarks, ...remarks] };
}

function asText({ publicKey, tokenKeyId, history, source, remarks }: Shown): string[] {
  const lines = [`public key  ${publicKey}`, `key id      ${keyIdOf(publicKey)}`];
  if (tokenKeyId !== undefined) lines.push(`token kid   ${tokenKeyId}`);
  lines.push(`from        ${source}`);
  if (history.keys.size > 0) {
    const rows = [...history.keys.values()].map((key) => [
      key.publicKeyHex,
      key.status,
      key.introducedAt,
      key.introducedBy === undefined ? (key.adopted ? 'adopted' : '-') : keyIdOf(key.introducedBy),
      endOf(key),
    ]);
    lines.push('', ...table(['public key', 'status', 'introduced', 'by key', 'until'], rows));
  }
  const faults = history.faults.map((fault) => `FAULT ${fault}`);
  return [...lines, ...(remarks.length + faults.length > 0 ? [''] : []), ...remarks, ...faults];
}

function endOf({ status, retiredAt, revokedFrom, reason }: InstanceKey): string {
  if (status === 'revoked') return `${revokedFrom}${reason === undefined ? '' : ` (${reason})`}`;
  return retiredAt ?? '-';
}

function asJson({ publicKey, tokenKeyId, history, source, remarks }: Shown) {
  return {
    public_key: publicKey,
    key_id: keyIdOf(publicKey),
    token_kid: tokenKeyId ?? null,
    source,
    history: [...history.keys.values()].map(keyJson),
    faults: history.faults,
    remarks,
  };
}

/** An instance key as `--json` prints it. */
export function keyJson(key: InstanceKey) {
  return {
    public_key: key.publicKeyHex,
    key_id: keyIdOf(key.publicKeyHex),
    status: key.status,
    introduced_by: key.introducedBy ?? null,
    adopted: key.adopted,
    introduced_at: key.introducedAt,
    retired_at: key.retiredAt ?? null,
    revoked_from: key.revokedFrom ?? null,
    reason: key.reason ?? null,
  };
}
