import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { OperatorError, oneLine } from '../../local/operator-error';
import { writePrivateFile } from '../../local/private-file';
import type { SignedSpan } from '../../runtime/base/span';
import { digestFileOf, type ExportDigest, type ExportedLog, type ExportedWork } from './digest';
import type { ExportState } from './export-state';
import { hashFile, type RunningHash, startHash } from './file-hash';

/** Size of a chunk in bytes. Each is a gzip member of its own, so that an export can resume after any of them. */
const CHUNK_BYTES = 4 * 1024 * 1024;
/** Longest time in milliseconds between two fsyncs, which bounds what an interruption costs. */
const CHUNK_MS = 2_000;
/** Signers counted in the digest; the limit holds because a client may sign each span with another key. */
const MAX_KEYS = 1_000;
const OTHER_KEYS = 'other keys';

/** Path of an incomplete export. */
export function partFileOf(file: string): string {
  return `${file}.part`;
}

/** Path of the state of the export in {@link partFileOf}. */
export function stateFileOf(file: string): string {
  return `${file}.part.json`;
}

/**
 * Writes an export. `FILE` appears complete or not at all: lines go to `FILE.part`, and `FILE.part.json` records the
 * length up to which it is durable.
 */
export class ExportFile {
  readonly #file: string;
  readonly #handle: FileHandle;
  readonly #hash: RunningHash;
  #state: ExportState;
  #lines: string[] = [];
  #lineBytes = 0;
  #flushedAtMs = performance.now();

  private constructor(file: string, handle: FileHandle, hash: RunningHash, state: ExportState) {
    this.#file = file;
    this.#handle = handle;
    this.#hash = hash;
    this.#state = state;
  }

  /**
   * Opens the part file and truncates it to the durable length of `state`.
   * @throws OperatorError when it cannot be written, or does not match the state
   */
  static async open(file: string, state: ExportState): Promise<ExportFile> {
    const part = partFileOf(file);
    const hash = await startHash();
    let handle: FileHandle | undefined;
    try {
      handle = await open(part, state.bytes === 0 ? 'w' : 'r+', 0o600);
      const found = state.bytes === 0 ? 0 : await hashFile(part, hash, state.bytes);
      if (found < state.bytes) {
        throw new OperatorError(`${part} is shorter than it was; start again with --force`);
      }
      await handle.truncate(state.bytes);
      return new ExportFile(file, handle, hash, state);
    } catch (cause) {
      await handle?.close();
      if (cause instanceof OperatorError) throw cause;
      throw new OperatorError(`cannot write ${part} (${oneLine(cause)})`, { cause });
    }
  }

  /** Progress up to the last flush, plus what was added since. */
  get state(): ExportState {
    return this.#state;
  }

  /** Adds a page of spans; `progress` says where reading resumes after it. */
  async add(
    spans: readonly SignedSpan[],
    progress: Pick<ExportState, 'part' | 'cursor'> &
      Partial<Pick<ExportState, 'logSizeBefore'>> & { readonly pageCursor: string | null },
  ): Promise<void> {
    const publicKeys = { ...this.#state.publicKeys };
    for (const span of spans) {
      const line = `${JSON.stringify(span)}\n`;
      this.#lines.push(line);
      this.#lineBytes += Buffer.byteLength(line);
      const isRoom = span.public_key in publicKeys || Object.keys(publicKeys).length < MAX_KEYS;
      const key = isRoom ? span.public_key : OTHER_KEYS;
      publicKeys[key] = (publicKeys[key] ?? 0) + 1;
    }
    const { pageCursor, part, cursor, logSizeBefore = this.#state.logSizeBefore } = progress;
    this.#state = {
      ...this.#state,
      part,
      cursor,
      logSizeBefore,
      spans: this.#state.spans + spans.length,
      firstCursor: this.#state.firstCursor ?? pageCursor,
      lastCursor: pageCursor ?? this.#state.lastCursor,
      publicKeys,
    };
    if (this.#lineBytes >= CHUNK_BYTES || performance.now() - this.#flushedAtMs >= CHUNK_MS)
      await this.flush();
  }

  /**
   * Writes and fsyncs what was added.
   * @throws OperatorError when the write fails
   */
  async flush(): Promise<void> {
    const text = this.#lines.join('');
    const bytes = this.#file.endsWith('.gz') && text !== '' ? gzipSync(text) : Buffer.from(text);
    try {
      // write() may write less than it is given.
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#handle.write(
          bytes,
          done,
          bytes.length - done,
          this.#state.bytes + done,
        );
        done += bytesWritten;
      }
      await this.#handle.datasync();
      const state = { ...this.#state, bytes: this.#state.bytes + bytes.length };
      await writePrivateFile(stateFileOf(this.#file), JSON.stringify(state), 'replace');
      this.#state = state;
    } catch (cause) {
      throw new OperatorError(`cannot write ${partFileOf(this.#file)} (${oneLine(cause)})`, { cause });
    }
    this.#hash.update(bytes);
    this.#lines = [];
    this.#lineBytes = 0;
    this.#flushedAtMs = performance.now();
  }

  /** Writes the digest and renames the file into place. */
  async finish(complete: boolean, log: ExportedLog | null, work: ExportedWork | null): Promise<ExportDigest> {
    await this.flush();
    const { plan, spans, bytes, firstCursor, lastCursor, publicKeys } = this.#state;
    const digest: ExportDigest = {
      format: 1,
      file: path.basename(this.#file),
      tenant: plan.tenant,
      users: plan.users,
      since: plan.since,
      complete,
      spans,
      bytes,
      blake3: this.#hash.digest(),
      first_cursor: firstCursor,
      last_cursor: lastCursor,
      log,
      work,
      public_keys: publicKeys,
      source: plan.source,
      exported_at: new Date().toISOString(),
    };
    await this.#handle.close();
    await writePrivateFile(digestFileOf(this.#file), `${JSON.stringify(digest, null, 2)}\n`, 'replace');
    await rename(partFileOf(this.#file), this.#file);
    await rm(stateFileOf(this.#file), { force: true });
    return digest;
  }

  /** Flushes and closes, so that a later run can resume. */
  async leave(): Promise<void> {
    await this.flush();
    await this.#handle.close();
  }

  /** Deletes the part file and its state. */
  async discard(): Promise<void> {
    await this.#handle.close();
    await rm(partFileOf(this.#file), { force: true });
    await rm(stateFileOf(this.#file), { force: true });
  }
}
