import { type KeyObject, sign } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { Worker } from 'node:worker_threads';

/** Lies beside this file in the sources, and beside index.js in the artifact. */
export const SIGNING_WORKER_FILE = 'signing-worker.js';

const HASH_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** It holds one message at a time; without limits V8 would let it grow as it lets the whole process. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 };

interface Job {
  readonly key: KeyObject;
  readonly hashes: readonly Uint8Array[];
  readonly resolve: (signatures: readonly Uint8Array[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Signs hashes on a thread of its own, so that the thread that serves goes on meanwhile.
 *
 * One message carries the hashes of a whole batch. `crypto.sign` with a callback would do the same on libuv's
 * threads, but asks for a job, a wake-up and a call back for every signature: 15 µs of the serving thread for each,
 * and garbage, where a message for 100 of them takes 60 µs. Batches of 100 from 8 callers on two cores, alternating:
 * 12,500 spans a second instead of 10,800. Gathering the single spans of a turn of the event loop into a message lost:
 * 4,900 to 5,000 a second from 32 callers instead of 5,500, because fewer of them then share a commit.
 *
 * The thread starts with the first batch and keeps no process alive. When it breaks down or cannot be started, what it
 * owed is signed here, and the next batch tries again.
 */
export class SigningThread {
  readonly #file: string;
  #worker: Worker | undefined;
  readonly #owed: Job[] = [];

  /** @param file what the thread runs; defaults to {@link SIGNING_WORKER_FILE}. */
  constructor(file = join(dirname(__filename), SIGNING_WORKER_FILE)) {
    this.#file = file;
  }

  /**
   * The 64-byte Ed25519 signature of each hash, in order.
   * @param hashes 32 bytes each.
   * @throws TypeError for a hash of another length.
   */
  sign(key: KeyObject, hashes: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
    return new Promise((resolve, reject) => {
      const bytes = joined(hashes);
      const job: Job = { key, hashes, resolve, reject };
      const worker = this.#running();
      if (worker === undefined) {
        signHere(job);
        return;
      }
      this.#owed.push(job);
      worker.ref();
      worker.postMessage({ key, hashes: bytes });
    });
  }

  /** Undefined when the system gives no thread. */
  #running(): Worker | undefined {
    try {
      this.#worker ??= this.#start();
    } catch {
      return undefined;
    }
    return this.#worker;
  }

  #start(): Worker {
    // Asked for when it is needed: loading the module takes a cold start some milliseconds.
    const { Worker } = process.getBuiltinModule('node:worker_threads');
    const worker = new Worker(this.#file, {
      argv: [],
      execArgv: [],
      env: {},
      stdout: true,
      stderr: true,
      resourceLimits: RESOURCE_LIMITS,
    });
    worker.on('message', (signatures: Uint8Array) => {
      this.#owed.shift()?.resolve(parted(signatures));
      if (this.#owed.length === 0) worker.unref();
    });
    // Without a listener an error of the thread would be one of the process; what follows it is its exit.
    worker.on('error', () => undefined);
    worker.on('exit', () => {
      this.#worker = undefined;
      for (const job of this.#owed.splice(0)) signHere(job);
    });
    return worker;
  }
}

function signHere({ key, hashes, resolve, reject }: Job): void {
  try {
    resolve(hashes.map((hash) => sign(null, hash, key)));
  } catch (error) {
    reject(error);
  }
}

function joined(hashes: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(hashes.length * HASH_BYTES);
  for (const [index, hash] of hashes.entries()) {
    if (hash.length !== HASH_BYTES) throw new TypeError(`signing: a hash has ${HASH_BYTES} bytes`);
    bytes.set(hash, index * HASH_BYTES);
  }
  return bytes;
}

function parted(signatures: Uint8Array): readonly Uint8Array[] {
  return Array.from({ length: signatures.length / SIGNATURE_BYTES }, (_, index) =>
    signatures.subarray(index * SIGNATURE_BYTES, (index + 1) * SIGNATURE_BYTES),
  );
}
