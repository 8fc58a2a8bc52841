import { type FileHandle, open, readFile, rename } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { QueuedSpan, QueueStore } from '../queue';
import { FileLock } from './file-lock';

/** Bytes of settled spans at which the file is compacted. */
const MAX_SETTLED_BYTES = 16 * 2 ** 20;
/** Size from which the file is compacted when all its spans are settled. */
const MAX_IDLE_BYTES = 2 ** 20;

interface Write {
  readonly text: string;
  readonly isDurable: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Stores a queue in a file: NDJSON, `{"n":1,"span":{…}}` for an added span and `{"done":[1]}` for settled ones. Once
 * `add` has resolved, the span is on disk (fsync) and survives kill -9 and power loss. One process at a time.
 */
export class FileStore implements QueueStore {
  readonly path: string;
  readonly #live = new Map<number, string>();
  readonly #writes: Write[] = [];
  #lock: FileLock | undefined;
  #file: FileHandle | undefined;
  #bytes = 0;
  #liveBytes = 0;
  #writing: Promise<void> | undefined;

  /** @param path file, created when missing; its folder must exist. `<path>.lock` is its lock. */
  constructor(path: string) {
    this.path = resolve(path);
  }

  /** @throws Error when another process holds the file, or a line other than the last is damaged. */
  async open(): Promise<readonly QueuedSpan[]> {
    this.#lock = await FileLock.take(`${this.path}.lock`);
    try {
      const text = await readFile(this.path, 'utf8').catch((error) => {
        if (error.code !== 'ENOENT') throw error;
        return '';
      });
      // A last line without a line break was being written when the process died; its add() never resolved.
      const whole = text.slice(0, text.lastIndexOf('\n') + 1);
      for (const [index, line] of whole.split('\n').entries()) if (line !== '') this.#read(line, index + 1);
      await this.#rewrite();
    } catch (error) {
      await this.#lock.release();
      throw error;
    }
    return [...this.#live].map(([n, line]) => ({ n, text: spanText(line, n) }));
  }

  async add(spans: readonly QueuedSpan[]): Promise<void> {
    const lines = spans.map(({ n, text }) => ({ n, line: `{"n":${n},"span":${text}}` }));
    // Kept before it is written, so that a concurrent compaction includes it.
    for (const { n, line } of lines) this.#keep(n, line);
    try {
      await this.#write(lines.map(({ line }) => `${line}\n`).join(''), true);
    } catch (error) {
      for (const { n } of lines) this.#forget(n);
      throw error;
    }
  }

  async done(numbers: readonly number[]): Promise<void> {
    for (const n of numbers) this.#forget(n);
    // Not synced to disk: a span that is sent twice is stored once.
    await this.#write(`{"done":[${numbers.join(',')}]}\n`, false);
  }

  async close(): Promise<void> {
    await this.#writing?.catch(() => undefined);
    await this.#file?.close();
    this.#file = undefined;
    await this.#lock?.release();
  }

  #read(line: string, number: number): void {
    const { n, done } = parsed(line) ?? {};
    if (typeof n === 'number') this.#keep(n, line);
    else if (Array.isArray(done)) for (const settled of done) this.#forget(settled);
    else
      throw new Error(
        `${this.path}, line ${number}, is damaged; move the file away, and append what its other lines hold`,
      );
  }

  #keep(n: number, line: string): void {
    this.#live.set(n, line);
    this.#liveBytes += Buffer.byteLength(line) + 1;
  }

  #forget(n: number): void {
    const line = this.#live.get(n);
    if (line === undefined) return;
    this.#live.delete(n);
    this.#liveBytes -= Buffer.byteLength(line) + 1;
  }

  #write(text: string, isDurable: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#writes.push({ text, isDurable, resolve, reject });
      this.#writing ??= this.#writeAll().finally(() => {
        this.#writing = undefined;
      });
    });
  }

  /** Writes everything that arrived during the previous write, with a single fsync. */
  async #writeAll(): Promise<void> {
    for (let batch = this.#writes.splice(0); batch.length > 0; batch = this.#writes.splice(0)) {
      try {
        await this.#append(batch);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        // A partial line followed by others would damage the file.
        await this.#file?.truncate(this.#bytes).catch(() => undefined);
        for (const { reject } of batch) reject(error);
      }
    }
  }

  async #append(batch: readonly Write[]): Promise<void> {
    const onlySettles = !batch.some(({ isDurable }) => isDurable);
    const mostSettled = this.#live.size === 0 ? MAX_IDLE_BYTES : MAX_SETTLED_BYTES + this.#liveBytes;
    if (onlySettles && this.#bytes - this.#liveBytes > mostSettled) {
      await this.#rewrite();
      return;
    }
    if (this.#file === undefined) throw new Error(`${this.path} is closed`);
    const bytes = Buffer.from(batch.map(({ text }) => text).join(''));
    for (let at = 0; at < bytes.length; ) {
      at += (await this.#file.write(bytes, at, bytes.length - at, this.#bytes + at)).bytesWritten;
    }
    if (!onlySettles) await this.#file.datasync();
    this.#bytes += bytes.length;
  }

  /** Replaces the file with one that holds only the unsettled spans. */
  async #rewrite(): Promise<void> {
    const draft = `${this.path}.new`;
    const text = [...this.#live.values()].map((line) => `${line}\n`).join('');
    const file = await open(draft, 'w', 0o600);
    await file.writeFile(text);
    await file.datasync();
    await rename(draft, this.path);
    await this.#file?.close();
    this.#file = file;
    this.#bytes = Buffer.byteLength(text);
    const folder = await open(dirname(this.path), 'r');
    await folder.sync().catch(() => undefined);
    await folder.close();
  }
}

function parsed(line: string): { n?: unknown; done?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The text of the span in a line, unchanged. */
function spanText(line: string, n: number): string {
  return line.slice(`{"n":${n},"span":`.length, -1);
}
