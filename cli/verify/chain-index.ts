import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** One version for the chain check. Ids and hashes are lower-case hex, ids without dashes. */
export interface ChainLink {
  readonly id: string;
  readonly seq: number;
  readonly prevHash: string | undefined;
  readonly currHash: string;
  /** Hash of tenant and owner, 8 bytes in hex. */
  readonly owner: string;
  /** Whether all versions of the entity are listed, so that a missing one is a fault. */
  readonly isComplete: boolean;
}

/** A version chain that does not hold. */
export interface ChainFault {
  readonly id: string;
  readonly seq: number;
  readonly detail: string;
}

/** Result of {@link ChainIndex.check}. */
export interface ChainReport {
  readonly entities: number;
  /** Versions missing from the listing that may be private. */
  readonly hidden: number;
  /** Versions listed more than once. */
  readonly repeated: number;
}

// Layout of a record. Fixed offsets allow sorting without objects.
const ID = 0;
const SEQ = 16;
const FLAGS = 20;
const OWNER = 24;
const PREV = 32;
const CURR = 64;
const RECORD_BYTES = 96;
const HAS_PREV = 1;
const IS_COMPLETE = 2;

const BUCKETS = 256;
/** Memory for some 340,000 versions. */
const MEMORY_BYTES = 32 * 1024 * 1024;
const CHUNK_RECORDS = 64;

/**
 * Checks version chains of any number of spans, in any order, in bounded memory. It keeps 96 bytes a version in 256
 * buckets by a byte of the id, which spill to disk; in the end each bucket is sorted and checked.
 */
export class ChainIndex {
  readonly #buckets: Bucket[] = Array.from({ length: BUCKETS }, () => new Bucket());
  readonly #memoryBytes: number;
  #folder: string | undefined;
  #bytesInMemory = 0;

  /** @param memoryBytes memory before records spill to disk. Defaults to 32 MiB. */
  constructor(memoryBytes: number = MEMORY_BYTES) {
    this.#memoryBytes = memoryBytes;
  }

  /** Adds one version. */
  add(link: ChainLink): void {
    // The last byte, since the first ones of a UUIDv7 are a timestamp.
    const bucket = this.#buckets[Number.parseInt(link.id.slice(-2), 16)];
    if (bucket === undefined) throw new TypeError(`not a UUID in hex: ${link.id}`);
    bucket.add(encode(link));
    this.#bytesInMemory += RECORD_BYTES;
    if (this.#bytesInMemory >= this.#memoryBytes) this.#spill();
  }

  /** Checks all chains and reports each break to `onFault`. */
  check(onFault: (fault: ChainFault) => void): ChainReport {
    const report = { entities: 0, hidden: 0, repeated: 0 };
    for (const bucket of this.#buckets) walk(bucket.sorted(), report, onFault);
    return report;
  }

  /** Deletes the files on disk. */
  close(): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }

  #spill(): void {
    this.#folder ??= mkdtempSync(path.join(tmpdir(), 'logline-verify-'));
    for (const [number, bucket] of this.#buckets.entries())
      bucket.spillTo(path.join(this.#folder, String(number)));
    this.#bytesInMemory = 0;
  }
}

class Bucket {
  #chunks: Buffer[] = [];
  #filled = 0;
  #file: string | undefined;

  add(record: Buffer): void {
    const offset = this.#filled % CHUNK_RECORDS;
    if (offset === 0) this.#chunks.push(Buffer.alloc(CHUNK_RECORDS * RECORD_BYTES));
    record.copy(this.#chunks.at(-1) ?? record, offset * RECORD_BYTES);
    this.#filled += 1;
  }

  spillTo(file: string): void {
    if (this.#filled === 0) return;
    const handle = openSync(file, 'a', 0o600);
    try {
      writeSync(handle, this.#inMemory());
    } finally {
      closeSync(handle);
    }
    this.#file = file;
    this.#chunks = [];
    this.#filled = 0;
  }

  /** All records in the order of (id, seq). */
  sorted(): Buffer[] {
    const bytes =
      this.#file === undefined
        ? this.#inMemory()
        : Buffer.concat([readFileSync(this.#file), this.#inMemory()]);
    const records = Array.from({ length: bytes.length / RECORD_BYTES }, (_, at) =>
      bytes.subarray(at * RECORD_BYTES, (at + 1) * RECORD_BYTES),
    );
    // seq is big-endian behind the id, so comparing bytes compares (id, seq).
    return records.sort((one, other) => one.compare(other, ID, FLAGS, ID, FLAGS));
  }

  #inMemory(): Buffer {
    return Buffer.concat(this.#chunks).subarray(0, this.#filled * RECORD_BYTES);
  }
}

function encode(link: ChainLink): Buffer {
  const record = Buffer.alloc(RECORD_BYTES);
  record.write(link.id, ID, 'hex');
  record.writeUInt32BE(link.seq, SEQ);
  record[FLAGS] = (link.prevHash === undefined ? 0 : HAS_PREV) | (link.isComplete ? IS_COMPLETE : 0);
  record.write(link.owner, OWNER, 'hex');
  if (link.prevHash !== undefined) record.write(link.prevHash, PREV, 'hex');
  record.write(link.currHash, CURR, 'hex');
  return record;
}

function walk(
  records: readonly Buffer[],
  report: { entities: number; hidden: number; repeated: number },
  onFault: (fault: ChainFault) => void,
): void {
  let before: Buffer | undefined;
  for (const record of records) {
    const isSameEntity = before !== undefined && before.compare(record, ID, SEQ, ID, SEQ) === 0;
    if (!isSameEntity) report.entities += 1;
    const fault = (detail: string): void => onFault({ id: uuid(record), seq: seq(record), detail });
    if (before !== undefined && isSameEntity && seq(before) === seq(record)) {
      if (hash(before, CURR) === hash(record, CURR)) report.repeated += 1;
      else fault(`fork: two different spans are version ${seq(record)}`);
      continue;
    }
    const expected = isSameEntity && before !== undefined ? seq(before) + 1 : 0;
    if (seq(record) > expected) missing(record, expected, report, fault);
    else if (before !== undefined && isSameEntity) follow(before, record, fault);
    before = record;
  }
}

function missing(
  record: Buffer,
  expected: number,
  report: { hidden: number },
  fault: (detail: string) => void,
): void {
  const last = seq(record) - 1;
  if ((flags(record) & IS_COMPLETE) === 0) {
    report.hidden += last - expected + 1;
    return;
  }
  fault(`gap: version ${expected === last ? last : `${expected} to ${last}`} is missing`);
}

function follow(before: Buffer, record: Buffer, fault: (detail: string) => void): void {
  if (hash(before, CURR) !== hash(record, PREV)) {
    fault(`chain: prev_hash is not the curr_hash of version ${seq(before)}, ${hash(before, CURR)}`);
  }
  if (before.compare(record, OWNER, PREV, OWNER, PREV) !== 0) {
    fault(`chain: owner or tenant differ from those of version ${seq(before)}`);
  }
}

function seq(record: Buffer): number {
  return record.readUInt32BE(SEQ);
}

function flags(record: Buffer): number {
  return record.readUInt8(FLAGS);
}

function hash(record: Buffer, location: typeof PREV | typeof CURR): string {
  return record.toString('hex', location, location + 32);
}

function uuid(record: Buffer): string {
  const text = record.toString('hex', ID, SEQ);
  return text.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
