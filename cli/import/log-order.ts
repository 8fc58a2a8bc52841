import { readSync } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { OperatorError, oneLine } from '../../local/operator-error';
import type { SignedSpan } from '../../runtime/base/span';
import { sha256 } from '../../runtime/crypto/sha256';
import { leafHashOf } from '../../runtime/proofs/leaf';
import { LogFolder, logFolderOf } from '../proofs/log-folder';
import { type Found, linesOfFile, spansOfFile } from '../verify/span-source';
import { leafHashesOf } from './kept-leaves';
import { PositionIndex } from './position-index';

/** A span of a file, and its text when available. */
export type ImportLine = Found & { readonly text?: string };

/** Reads the spans of a file from the beginning on each call. */
export type SpanSource = () => AsyncIterable<ImportLine>;

/** Write buffer of the copy in bytes. */
const WRITE_BYTES = 1024 * 1024;

/**
 * Runs `work` with the spans of a verified file in the order of the exported log. An export lists one owner after another;
 * imported in that order, feed and log would differ from the original's. Spans that the log lacks come last, in the
 * file's order. Without a log the file's order is kept.
 *
 * Needs 40 bytes of memory a position, and space for the spans in the temporary folder, in an unlinked file that vanishes
 * with this process.
 * @param file path of the spans
 * @param name path of the export, beside which the log lies
 * @throws OperatorError when the log cannot be read or the temporary folder is full
 */
export async function inLogOrder<T>(
  file: string,
  name: string,
  work: (source: SpanSource) => Promise<T>,
): Promise<T> {
  const hashes = await leafHashesOf(new LogFolder(logFolderOf(name)));
  if (hashes === undefined) return work(() => spansOfFile(file));
  const copy = await SortedCopy.of(file, await PositionIndex.of(hashes));
  try {
    return await work(() => copy.spans());
  } finally {
    await copy.close();
  }
}

/** Position of a span in the copy. */
interface Place {
  readonly start: number;
  readonly length: number;
}

/** A copy of the spans, with the place of each log position. */
class SortedCopy {
  readonly #handle: FileHandle;
  readonly #starts: Float64Array;
  readonly #lengths: Uint32Array;
  /** Places of spans without a log position. */
  readonly #rest: readonly Place[];

  private constructor(
    handle: FileHandle,
    starts: Float64Array,
    lengths: Uint32Array,
    rest: readonly Place[],
  ) {
    this.#handle = handle;
    this.#starts = starts;
    this.#lengths = lengths;
    this.#rest = rest;
  }

  static async of(file: string, positions: PositionIndex): Promise<SortedCopy> {
    const starts = new Float64Array(positions.size);
    const lengths = new Uint32Array(positions.size);
    const rest: Place[] = [];
    const handle = await namelessFile();
    try {
      const out = new Writing(handle);
      for await (const line of linesOfFile(file)) {
        const position = positions.take(leafHashOf(sha256, JSON.parse(line.toString()) as SignedSpan));
        const place = await out.append(line);
        if (position === undefined) {
          rest.push(place);
          continue;
        }
        starts[position] = place.start;
        lengths[position] = place.length;
      }
      await out.flush();
      return new SortedCopy(handle, starts, lengths, rest);
    } catch (cause) {
      await handle.close();
      if (cause instanceof OperatorError) throw cause;
      throw new OperatorError(`cannot sort the spans in ${tmpdir()} (${oneLine(cause)})`, { cause });
    }
  }

  async *spans(): AsyncGenerator<ImportLine> {
    for (const [position, length] of this.#lengths.entries()) {
      // The span of this position is not in the file.
      if (length === 0) continue;
      const text = this.#read({ start: this.#starts[position] ?? 0, length });
      yield { location: `position ${position} of the log`, span: JSON.parse(text), text };
    }
    for (const place of this.#rest) {
      const text = this.#read(place);
      yield { location: 'behind the log', span: JSON.parse(text), text };
    }
  }

  /** Synchronous: a read from the page cache takes 5 µs, through libuv's threads 50. */
  #read({ start, length }: Place): string {
    const bytes = Buffer.allocUnsafe(length);
    for (let done = 0; done < length; ) {
      const read = readSync(this.#handle.fd, bytes, done, length - done, start + done);
      if (read === 0) throw new OperatorError(`the copy of the spans in ${tmpdir()} has become shorter`);
      done += read;
    }
    return bytes.toString();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** An unlinked temporary file, which vanishes when it is closed. */
async function namelessFile(): Promise<FileHandle> {
  try {
    const folder = await mkdtemp(path.join(tmpdir(), 'logline-import-'));
    try {
      return await open(path.join(folder, 'spans.ndjson'), 'wx+', 0o600);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  } catch (cause) {
    throw new OperatorError(`cannot sort the spans in ${tmpdir()} (${oneLine(cause)})`, { cause });
  }
}

/** Buffered writer. */
class Writing {
  readonly #handle: FileHandle;
  #lines: Uint8Array[] = [];
  #waiting = 0;
  #end = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async append(line: Uint8Array): Promise<Place> {
    const place = { start: this.#end, length: line.length };
    this.#lines.push(line);
    this.#end += line.length;
    this.#waiting += line.length;
    if (this.#waiting >= WRITE_BYTES) await this.flush();
    return place;
  }

  async flush(): Promise<void> {
    await this.#handle.appendFile(Buffer.concat(this.#lines));
    this.#lines = [];
    this.#waiting = 0;
  }
}
