import { dirname, join } from 'node:path';
import type { Worker } from 'node:worker_threads';

/** Beside this file in the sources, and beside index.js in the artifact. */
export const CRYPTO_WORKER_FILE = 'crypto-worker.js';

/** The thread holds one message at a time; without limits V8 would give it the heap of a whole process. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 };

interface Job {
  readonly here: () => Uint8Array;
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Signs or verifies batches on a worker thread, one message each, so that the main thread keeps serving. `crypto.sign` and
 * `crypto.verify` with a callback would cost the main thread a job, a wake-up and a callback per signature.
 *
 * The thread starts with the first batch and does not keep the process alive. If it crashes or cannot start, its pending
 * batches are done on the calling thread, and the next batch tries to start it again.
 */
export class CryptoThread {
  readonly #file: string;
  #worker: Worker | undefined;
  readonly #owed: Job[] = [];

  /** @param file the thread's program; defaults to {@link CRYPTO_WORKER_FILE} */
  constructor(file = join(dirname(__filename), CRYPTO_WORKER_FILE)) {
    this.#file = file;
  }

  /**
   * Runs one job of crypto-worker.js.
   * @param here the fallback: does the same on the calling thread
   * @throws what `here` throws
   */
  run(message: object, here: () => Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const job: Job = { here, resolve, reject };
      const worker = this.#running();
      if (worker === undefined) {
        doHere(job);
        return;
      }
      this.#owed.push(job);
      worker.ref();
      worker.postMessage(message);
    });
  }

  /** The thread, started if needed; undefined when it cannot start. */
  #running(): Worker | undefined {
    try {
      this.#worker ??= this.#start();
    } catch {
      return undefined;
    }
    return this.#worker;
  }

  #start(): Worker {
    // Loaded on first use, since loading the module would delay a cold start by some milliseconds.
    const { Worker } = process.getBuiltinModule('node:worker_threads');
    const worker = new Worker(this.#file, {
      argv: [],
      execArgv: [],
      env: {},
      stdout: true,
      stderr: true,
      resourceLimits: RESOURCE_LIMITS,
    });
    worker.on('message', (bytes: Uint8Array) => {
      this.#owed.shift()?.resolve(bytes);
      if (this.#owed.length === 0) worker.unref();
    });
    // Without a listener an error of the thread would end the process; 'exit' follows and is handled there.
    worker.on('error', () => undefined);
    worker.on('exit', () => {
      this.#worker = undefined;
      for (const job of this.#owed.splice(0)) doHere(job);
    });
    return worker;
  }
}

function doHere({ here, resolve, reject }: Job): void {
  try {
    resolve(here());
  } catch (error) {
    reject(error);
  }
}

/** Concatenates parts of `length` bytes. @throws TypeError for a part of another length. */
export function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(parts.length * length);
  for (const [index, part] of parts.entries()) {
    if (part.length !== length) throw new TypeError(`crypto thread: a part has ${length} bytes`);
    bytes.set(part, index * length);
  }
  return bytes;
}

/** Inverse of {@link joined}. */
export function parted(bytes: Uint8Array, length: number): readonly Uint8Array[] {
  return Array.from({ length: bytes.length / length }, (_, index) =>
    bytes.subarray(index * length, (index + 1) * length),
  );
}
