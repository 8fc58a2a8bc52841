import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises';
import { createGunzip, createGzip, type Gunzip, type Gzip } from 'node:zlib';
import { OperatorError, oneLine, systemErrorCode } from '../../local/operator-error';

/** Writes a gzipped file under a temporary name and renames it once it is complete. Only its owner may read it. */
export class GzipFile {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #gzip: Gzip;
  readonly #written: Promise<void>;
  /** Bytes written to the file so far. */
  bytes = 0;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
    this.#gzip = createGzip({ level: 6 });
    this.#written = this.#drain();
    this.#written.catch(() => undefined);
  }

  /** @throws OperatorError when the folder cannot be written */
  static async open(path: string): Promise<GzipFile> {
    try {
      return new GzipFile(path, await open(partOf(path), 'w', 0o600));
    } catch (cause) {
      throw new OperatorError(`cannot write ${path} (${oneLine(cause)})`, { cause });
    }
  }

  /** Compresses and writes data, with backpressure. */
  async push(data: string | Uint8Array): Promise<void> {
    if (this.#gzip.write(data)) return;
    await Promise.race([once(this.#gzip, 'drain'), this.#written]);
  }

  /** @param replace overwrite an existing file */
  async finish(replace: boolean): Promise<void> {
    this.#gzip.end();
    await this.#written;
    await this.#file.sync();
    await this.#file.close();
    if (replace) await rename(partOf(this.#path), this.#path);
    else {
      await link(partOf(this.#path), this.#path);
      await rm(partOf(this.#path));
    }
  }

  /** Deletes the incomplete file. */
  async discard(): Promise<void> {
    this.#gzip.destroy();
    await this.#written.catch(() => undefined);
    await this.#file.close().catch(() => undefined);
    await rm(partOf(this.#path), { force: true });
  }

  async #drain(): Promise<void> {
    for await (const chunk of this.#gzip) {
      await this.#file.write(chunk);
      this.bytes += chunk.length;
    }
  }
}

function partOf(path: string): string {
  return `${path}.part`;
}

/** Reads a gzipped file; errors of both the file and the decompression reach the consumer. */
export async function* gunzipped<T>(
  path: string,
  read: (plain: Gunzip) => AsyncIterable<T>,
): AsyncGenerator<T> {
  const raw = createReadStream(path);
  const plain = createGunzip();
  // A stream emits its error once, and readline does not forward it.
  let fault: unknown;
  const fail = (error: unknown): void => {
    fault ??= error;
    plain.destroy();
  };
  raw.once('error', fail);
  plain.once('error', fail);
  raw.pipe(plain);
  try {
    yield* read(plain);
  } catch (error) {
    throw fault ?? error;
  } finally {
    raw.destroy();
    plain.destroy();
  }
  if (fault !== undefined) throw fault;
}

/** The error to throw when a backup cannot be read. */
export function readFault(path: string, cause: unknown): unknown {
  if (cause instanceof OperatorError) return cause;
  const isMissing = systemErrorCode(cause) === 'ENOENT';
  const isText = cause instanceof SyntaxError || /^Z_/.test(systemErrorCode(cause) ?? '');
  if (!isMissing && !isText) return cause;
  return new OperatorError(
    isMissing ? `there is no file ${path}` : `${path} is damaged, or no backup (${oneLine(cause)})`,
    { cause },
  );
}
