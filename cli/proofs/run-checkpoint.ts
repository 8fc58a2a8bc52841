import { writeFile } from 'node:fs/promises';
import { decodeJwt } from 'jose';
import { ed25519 } from '../../runtime/crypto';
import { toBase64 } from '../../runtime/proofs/base64';
import { openCheckpoint } from '../../runtime/proofs/span-proof';
import { verifierKeyText } from '../../runtime/proofs/verifier-key';
import { LedgerApi } from '../ledger-api';
import { resolveTarget, type Target, type TargetOptions } from '../target';
import { publishedVerifierKeys } from './verifier-keys';

/** Options of `logline checkpoint`. */
export interface CheckpointOptions extends TargetOptions {
  readonly tenant?: string;
  readonly size?: string;
  readonly vkey?: boolean;
  readonly out?: string;
  readonly json?: boolean;
}

/** Prints a checkpoint or the log's verifier keys. */
export async function runCheckpoint(options: CheckpointOptions): Promise<void> {
  const target = await resolveTarget(options);
  const tenant = options.tenant ?? tenantOfToken(target.token) ?? 'dev';
  const keys = await publishedVerifierKeys(target.client, tenant);
  if (options.vkey) {
    const texts = keys.map(verifierKeyText);
    await put(
      options,
      options.json ? `${JSON.stringify({ tenant, vkeys: texts })}\n` : `${texts.join('\n')}\n`,
    );
    return;
  }
  const client = await clientOfTenant(target, tenant, options.token);
  const size = options.size === undefined ? '' : `?size=${encodeURIComponent(options.size)}`;
  const note = await client.demandText(`/api/log/${encodeURIComponent(tenant)}/checkpoint${size}`);
  if (!options.json) {
    await put(options, note);
    return;
  }
  const opened = await openCheckpoint(note, keys, { verify: ed25519.verify });
  const { origin, root } = opened;
  await put(
    options,
    `${JSON.stringify({ origin, size: opened.size, root: toBase64(root), checkpoint: note })}\n`,
  );
}

/** A client with a token of the tenant: the given one, else one minted for the local run. */
export async function clientOfTenant(
  target: Target,
  tenant: string,
  given: string | undefined,
): Promise<LedgerApi> {
  if (given !== undefined || tenantOfToken(target.token) === tenant) return target.client;
  const token = await target.mint('operator', tenant);
  return token === undefined ? target.client : new LedgerApi(target.client.url, token);
}

/** The tenant in a token, unverified; undefined without one. */
export function tenantOfToken(token: string | undefined): string | undefined {
  if (token === undefined) return undefined;
  try {
    const { tenant } = decodeJwt(token);
    return typeof tenant === 'string' ? tenant : undefined;
  } catch {
    return undefined; // the API will report what is wrong with it
  }
}

async function put({ out }: CheckpointOptions, text: string): Promise<void> {
  if (out === undefined) process.stdout.write(text);
  else await writeFile(out, text);
}
