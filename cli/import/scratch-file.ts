import { readSync } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { OperatorError, oneLine } from '../../local/operator-error';
import { LruCache } from '../../runtime/base/lru-cache';

/** Place of bytes in a scratch file. */
export interface Place {
  readonly start: number;
  readonly length: number;
}

/** Write buffer in bytes. */
const WRITE_BYTES = 1024 * 1024;
/** Read cache of 2 MiB: a log interleaves owners, and the lines of each owner lie one after another. */
const BLOCK_BYTES = 16 * 1024;
const MAX_BLOCKS = 128;

/** An unlinked file in the temporary folder, which vanishes with this process. */
export class ScratchFile {
  readonly #handle: FileHandle;
  readonly #blocks = new LruCache<Buffer>(MAX_BLOCKS);
  #pieces: Uint8Array[] = [];
  #waiting = 0;
  #end = 0;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** @throws OperatorError when the temporary folder cannot be written */
  static async create(): Promise<ScratchFile> {
    try {
      const folder = await mkdtemp(path.join(tmpdir(), 'logline-import-'));
      try {
        return new ScratchFile(await open(path.join(folder, 'scratch'), 'wx+', 0o600));
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    } catch (cause) {
      throw scratchError(cause);
    }
  }

  /** Buffers bytes until the next {@link flush}. */
  append(bytes: Uint8Array): Place {
    const place = { start: this.#end, length: bytes.length };
    this.#pieces.push(bytes);
    this.#end += bytes.length;
    this.#waiting += bytes.length;
    return place;
  }

  /** Whether the write buffer is due to be flushed. */
  get isFull(): boolean {
    return this.#waiting >= WRITE_BYTES;
  }

  /**
   * Writes the buffer. Buffered bytes cannot be read before.
   * @throws OperatorError when the temporary folder is full
   */
  async flush(): Promise<void> {
    const pieces = this.#pieces;
    this.#blocks.clear();
    this.#pieces = [];
    this.#waiting = 0;
    try {
      await this.#handle.appendFile(Buffer.concat(pieces));
    } catch (cause) {
      throw scratchError(cause);
    }
  }

  /**
   * Synchronous: a read from the page cache takes 5 µs, through libuv's threads 50.
   * @returns shared bytes; do not change them
   */
  read(place: Place): Buffer {
    const first = Math.floor(place.start / BLOCK_BYTES);
    const start = first * BLOCK_BYTES;
    const within = place.start - start;
    if (within + place.length > BLOCK_BYTES) return this.#readBytes(place);
    const name = String(first);
    let block = this.#blocks.get(name);
    if (block === undefined) {
      block = this.#readBytes({ start, length: Math.min(BLOCK_BYTES, this.#end - this.#waiting - start) });
      this.#blocks.set(name, block);
    }
    return block.subarray(within, within + place.length);
  }

  #readBytes({ start, length }: Place): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let done = 0; done < length; ) {
      const read = readSync(this.#handle.fd, bytes, done, length - done, start + done);
      if (read === 0) throw new OperatorError(`a scratch file in ${tmpdir()} has become shorter`);
      done += read;
    }
    return bytes;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

function scratchError(cause: unknown): OperatorError {
  return new OperatorError(`cannot keep the spans in ${tmpdir()} (${oneLine(cause)})`, { cause });
}
