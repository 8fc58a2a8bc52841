import { createWriteStream } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { OperatorError, oneLine } from '../../local/operator-error';
import type { SignedSpan } from '../../runtime/base/span';
import { sha256 } from '../../runtime/crypto/sha256';
import { leafHashOf } from '../../runtime/proofs/leaf';
import { LogFolder, logFolderOf } from '../proofs/log-folder';
import { type Found, spansOfFile } from '../verify/span-source';
import { leafHashesOf } from './kept-leaves';
import { PositionIndex } from './position-index';

/** The spans of a file, from the beginning each time it is asked. */
export type SpanSource = () => AsyncIterable<Found>;

/** Spans that lie one behind the other in the copy are read together. */
const MAX_RUN_BYTES = 1024 * 1024;

/**
 * Runs `work` with the spans of a file that verifies in the order of the tenant's log, when the log lies beside it: an
 * export holds its owners one after another, and a feed and a log in another order would be another tenant's. What the
 * log does not hold comes behind, in the file's order. Without a log it is the file's order throughout.
 *
 * Takes 40 bytes of memory a position, and room for the spans in the system's temporary folder.
 * @param file where the spans are
 * @param name the file that the log lies beside
 * @throws OperatorError when the log cannot be read or the temporary folder does not take the spans
 */
export async function inLogOrder<T>(
  file: string,
  name: string,
  work: (source: SpanSource) => Promise<T>,
): Promise<T> {
  const hashes = await leafHashesOf(new LogFolder(logFolderOf(name)));
  if (hashes === undefined) return work(() => spansOfFile(file));
  const positions = await PositionIndex.of(hashes);
  const folder = await mkdtemp(path.join(tmpdir(), 'logline-import-'));
  try {
    const copy = await SortedCopy.of(file, positions, folder);
    try {
      return await work(() => copy.spans());
    } finally {
      await copy.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A copy of the spans, and where in it the span of each position lies. */
class SortedCopy {
  readonly #handle: FileHandle;
  readonly #rest: string;
  readonly #starts: Float64Array;
  readonly #lengths: Uint32Array;

  private constructor(handle: FileHandle, rest: string, starts: Float64Array, lengths: Uint32Array) {
    this.#handle = handle;
    this.#rest = rest;
    this.#starts = starts;
    this.#lengths = lengths;
  }

  static async of(file: string, positions: PositionIndex, folder: string): Promise<SortedCopy> {
    const [known, rest] = [path.join(folder, 'known.ndjson'), path.join(folder, 'rest.ndjson')];
    const starts = new Float64Array(positions.size);
    const lengths = new Uint32Array(positions.size);
    const restFile = await open(rest, 'wx', 0o600);
    try {
      let at = 0;
      const lines = async function* (): AsyncGenerator<Buffer> {
        for await (const found of spansOfFile(file)) {
          if (!('span' in found)) continue;
          const span = found.span as SignedSpan;
          const line = Buffer.from(`${JSON.stringify(span)}\n`);
          const position = positions.take(leafHashOf(sha256, span));
          if (position === undefined) {
            await restFile.appendFile(line);
            continue;
          }
          starts[position] = at;
          lengths[position] = line.length;
          at += line.length;
          yield line;
        }
      };
      await pipeline(Readable.from(lines()), createWriteStream(known, { flags: 'wx', mode: 0o600 }));
    } catch (cause) {
      if (cause instanceof OperatorError) throw cause;
      throw new OperatorError(`cannot sort the spans in ${folder} (${oneLine(cause)})`, { cause });
    } finally {
      await restFile.close();
    }
    return new SortedCopy(await open(known, 'r'), rest, starts, lengths);
  }

  async *spans(): AsyncGenerator<Found> {
    const lengths = this.#lengths;
    for (let from = 0; from < lengths.length; ) {
      // A position whose span is not in the file.
      if (lengths[from] === 0) {
        from += 1;
        continue;
      }
      let to = from + 1;
      let bytes = lengths[from] ?? 0;
      const start = this.#starts[from] ?? 0;
      while (bytes < MAX_RUN_BYTES && this.#starts[to] === start + bytes) {
        bytes += lengths[to] ?? 0;
        to += 1;
      }
      yield* this.#run(from, to, start, bytes);
      from = to;
    }
    yield* spansOfFile(this.#rest);
  }

  async *#run(from: number, to: number, start: number, bytes: number): AsyncGenerator<Found> {
    const { buffer } = await this.#handle.read(Buffer.alloc(bytes), 0, bytes, start);
    let at = 0;
    for (let position = from; position < to; position += 1) {
      const length = this.#lengths[position] ?? 0;
      const text = buffer.toString('utf8', at, at + length);
      yield { location: `position ${position} of the log`, span: JSON.parse(text) };
      at += length;
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
