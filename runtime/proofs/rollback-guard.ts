import { utf8 } from '../crypto';
import { sha256 } from '../crypto/sha256';
import { toBase64 } from './base64';

/**
 * The last sealed batch, also stored outside the database: a database that was restored to an earlier state cannot know
 * that checkpoints of a later one were published.
 */
export interface GuardRecord {
  /** The feed epoch (`app.feed_epoch`); a restore begins a new one. */
  readonly epoch: string;
  /** Batches sealed so far. */
  readonly batch: number;
  /** Feed position of the last sealed span. */
  readonly tx_id: string;
  readonly ordinal: string;
  /** SHA-256 in hex over the batch's (log_no, size, root), see {@link batchDigest}. */
  readonly digest: string;
}

/** The store of the record outside the database. */
export interface GuardStore {
  /** Undefined when there is none yet. */
  read(): Promise<GuardRecord | undefined>;
  /**
   * Replaces the record if it is still `before`; on disk before this returns.
   * @returns false when it is another
   */
  swap(before: GuardRecord | undefined, after: GuardRecord): Promise<boolean>;
}

/** Whether the database is exactly in the state that the guard recorded last. */
export function isSameRecord(database: GuardRecord, guard: GuardRecord | undefined): boolean {
  return (
    guard?.epoch === database.epoch && guard.batch === database.batch && guard.digest === database.digest
  );
}

/** The canonical text of a record: equal records have equal texts. */
export function guardText({ epoch, batch, tx_id, ordinal, digest }: GuardRecord): string {
  return JSON.stringify({ epoch, batch, tx_id, ordinal, digest });
}

/** Parses the text of a record; undefined when it is none. */
export function parseGuard(text: string): GuardRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { epoch, batch, tx_id, ordinal, digest } = value as Readonly<Record<string, unknown>>;
  const isRecord =
    typeof epoch === 'string' &&
    typeof batch === 'number' &&
    typeof tx_id === 'string' &&
    typeof ordinal === 'string' &&
    typeof digest === 'string';
  return isRecord ? { epoch, batch, tx_id, ordinal, digest } : undefined;
}

/** A log at the end of a batch. */
export interface SealedLog {
  readonly logNo: number;
  readonly size: number;
  readonly root: Uint8Array;
}

/** SHA-256 over a line `<log_no> <size> <root in base64>` for each log of a batch, in the order of log_no. */
export function batchDigest(logs: readonly SealedLog[]): Uint8Array {
  const lines = [...logs]
    .sort((one, other) => one.logNo - other.logNo)
    .map(({ logNo, size, root }) => `${logNo} ${size} ${toBase64(root)}\n`);
  return sha256(utf8(lines.join('')));
}

/**
 * The state of the database by comparison with the guard. The guard is written before the batch is committed, so a crash
 * in between leaves it one batch ahead.
 *
 * `sound`: sealing may continue. `finish`: a batch was announced but not committed, and must be committed exactly as
 * announced. `behind`: the database is older than what was signed.
 */
export type GuardVerdict = 'sound' | 'finish' | 'behind';

/**
 * @param epochs every epoch that the database knows
 */
export function judge(
  database: GuardRecord,
  guard: GuardRecord | undefined,
  epochs: ReadonlySet<string>,
): GuardVerdict {
  if (guard === undefined) return 'sound';
  // `logline restore` began a new epoch, and the guard still has the previous one.
  if (guard.epoch !== database.epoch) return epochs.has(guard.epoch) ? 'sound' : 'behind';
  if (database.batch === guard.batch) return database.digest === guard.digest ? 'sound' : 'behind';
  if (database.batch === guard.batch - 1) return 'finish';
  return database.batch > guard.batch ? 'sound' : 'behind';
}
