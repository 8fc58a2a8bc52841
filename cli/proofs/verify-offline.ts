import { readFile } from 'node:fs/promises';
import { OperatorError, oneLine } from '../../local/operator-error';
import { MalformedError } from '../../runtime/base/errors';
import type { SignedSpan } from '../../runtime/base/span';
import { cryptoReady, ed25519 } from '../../runtime/crypto';
import { sha256 } from '../../runtime/crypto/sha256';
import { parseIJson } from '../../runtime/json/i-json';
import { verifySpan } from '../../runtime/ledger/span-signature';
import { fromBase64 } from '../../runtime/proofs/base64';
import { isSameBytes } from '../../runtime/proofs/merkle-hash';
import { verifyConsistency } from '../../runtime/proofs/merkle-proof';
import {
  checkSpanProof,
  type OpenedCheckpoint,
  openCheckpoint,
  witnessesOf,
} from '../../runtime/proofs/span-proof';
import type { VerifierKey } from '../../runtime/proofs/verifier-key';
import { member } from '../ledger-api';
import { resolveTarget, type TargetOptions } from '../target';
import { clientOfTenant } from './run-checkpoint';
import { givenVerifierKeys } from './verifier-keys';

const TOOLS = { sha256, verify: ed25519.verify };

/** Result of a check, as `--json` prints it. */
interface Outcome {
  readonly ok: boolean;
  readonly faults: readonly string[];
  readonly [member: string]: unknown;
}

/** Options of `logline verify --span` and `--checkpoint`. */
export interface OfflineOptions extends TargetOptions {
  readonly span?: string;
  readonly proof?: string;
  readonly vkey?: readonly string[];
  readonly checkpoint?: readonly string[];
  readonly json?: boolean;
}

/**
 * Verifies one span offline, from its file, its proof and a verifier key.
 * @throws OperatorError (exit code 2) when one of the three is missing or cannot be read
 */
export async function verifyProofFile({ span, proof, vkey = [], json }: OfflineOptions): Promise<void> {
  if (span === undefined || proof === undefined || vkey.length === 0) {
    throw new OperatorError('give --span FILE, --proof FILE and --vkey KEY together', { exitCode: 2 });
  }
  await cryptoReady();
  const content = parseIJson(Buffer.from(await textOf(span)));
  const subject = (member(content, 'span') ?? content) as SignedSpan;
  const verdict = verifySpan(subject);
  const check = await checkSpanProof(subject, await textOf(proof), givenVerifierKeys(vkey), TOOLS);
  const own = verdict.ok ? [] : [`${verdict.fault}: ${verdict.detail}`];
  const { index, checkpoint } = check;
  report(
    {
      ok: verdict.ok && check.ok,
      faults: [...own, ...check.faults],
      id: subject.id,
      seq: subject.seq,
      index: index ?? null,
      ...checkpointJson(checkpoint),
    },
    [
      `span ${subject.id} version ${subject.seq} is at position ${index} of ${checkpoint?.origin}, which had ${checkpoint?.size} spans`,
      ...witnessLines(checkpoint),
    ],
    json,
  );
}

/**
 * Verifies that one checkpoint continues another; the consistency proof comes from the running ledger.
 * @throws OperatorError when they cannot be read or the ledger does not answer
 */
export async function verifyCheckpoints(options: OfflineOptions): Promise<void> {
  const { checkpoint: files = [], vkey = [], json } = options;
  const [one, other] = files;
  if (one === undefined || other === undefined || files.length > 2 || vkey.length === 0) {
    throw new OperatorError('give --checkpoint two files, and --vkey KEY', { exitCode: 2 });
  }
  const keys = givenVerifierKeys(vkey);
  const opened = await Promise.all([openFile(one, keys), openFile(other, keys)]);
  const [early, late] = opened.sort((first, second) => first.size - second.size);
  if (early === undefined || late === undefined) return;
  const fault = await consistencyFault(early, late, options);
  report(
    {
      ok: fault === undefined,
      faults: fault === undefined ? [] : [fault],
      origin: late.origin,
      from: early.size,
      to: late.size,
    },
    [
      `the log ${late.origin} of ${late.size} spans begins with that of ${early.size}: nothing was rewritten between them`,
      ...(early.origin === late.origin ? [] : [`after a restore: before it was called ${early.origin}`]),
    ],
    json,
  );
}

async function consistencyFault(
  early: OpenedCheckpoint,
  late: OpenedCheckpoint,
  options: OfflineOptions,
): Promise<string | undefined> {
  const isRenamed = early.origin !== late.origin;
  if (isRenamed && !isAnotherName(early.origin, late.origin))
    return `they are of two logs, ${early.origin} and ${late.origin}`;
  const fork = isRenamed
    ? `lost: ${early.origin} of ${early.size} spans and ${late.origin} of ${late.size} part ways: one of them was signed of what a restore lost`
    : `fork: the log ${late.origin} of ${late.size} spans does not begin with that of ${early.size}: history was rewritten`;
  if (early.size === late.size) return isSameBytes(early.root, late.root) ? undefined : fork;
  const tenant = decodeURIComponent(late.origin.slice(late.origin.lastIndexOf('/') + 1));
  const client = await clientOfTenant(await resolveTarget(options), tenant, options.token);
  const path = `/api/log/${encodeURIComponent(tenant)}/consistency?from=${early.size}&to=${late.size}`;
  const answer = await client.request(path);
  const hashes = member(answer.body, 'hashes');
  if (answer.status !== 200 || !Array.isArray(hashes)) {
    if (isRenamed) return fork;
    return `the ledger has no proof from ${early.size} to ${late.size} spans (it answered ${answer.status}): its log is not the one that was signed`;
  }
  const bytes = hashes.map((hash) => fromBase64(String(hash)) ?? new Uint8Array());
  const claim = { from: early.size, fromRoot: early.root, to: late.size, toRoot: late.root };
  return verifyConsistency(sha256, claim, bytes) ? undefined : fork;
}

/** Whether two names are of one log before and after a restore, which inserts eight hex digits. */
function isAnotherName(one: string, other: string): boolean {
  const bare = (origin: string): string => origin.replace(/\/[0-9a-f]{8}(?=\/[^/]+$)/, '');
  return bare(one) === bare(other);
}

async function openFile(file: string, keys: readonly VerifierKey[]): Promise<OpenedCheckpoint> {
  const note = await textOf(file);
  try {
    return await openCheckpoint(note, keys, TOOLS);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw new OperatorError(`${file}: ${error.message}`, { cause: error });
  }
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new OperatorError(`cannot read ${file} (${oneLine(cause)})`, { cause, exitCode: 2 });
  }
}

function checkpointJson(checkpoint: OpenedCheckpoint | undefined) {
  if (checkpoint === undefined) return { origin: null, size: null, witnesses: [] };
  const witnesses = witnessesOf(checkpoint).map(({ key, time }) => ({ name: key.name, time }));
  return { origin: checkpoint.origin, size: checkpoint.size, witnesses };
}

function witnessLines(checkpoint: OpenedCheckpoint | undefined): string[] {
  if (checkpoint === undefined) return [];
  return witnessesOf(checkpoint).map(
    ({ key, time }) => `cosigned by ${key.name} at ${new Date(1_000 * (time ?? 0)).toISOString()}`,
  );
}

function report(outcome: Outcome, lines: readonly string[], json: boolean | undefined): void {
  if (json) process.stdout.write(`${JSON.stringify(outcome)}\n`);
  else if (outcome.ok) process.stdout.write(`OK: ${lines.join('\n')}\n`);
  else process.stdout.write(`${outcome.faults.map((fault) => `FAULT ${fault}`).join('\n')}\nFAILED\n`);
  if (!outcome.ok) process.exitCode = 1;
}
