import { createReadStream } from 'node:fs';
import { createBLAKE3 } from 'hash-wasm';

/** Incremental BLAKE3-256. */
export interface RunningHash {
  update(bytes: Uint8Array): void;
  /** Finishes the hash; lower-case hex. */
  digest(): string;
}

/** Starts an incremental BLAKE3-256. */
export async function startHash(): Promise<RunningHash> {
  const hasher = await createBLAKE3();
  hasher.init();
  return {
    update: (bytes) => void hasher.update(bytes),
    digest: () => hasher.digest('hex'),
  };
}

/**
 * Hashes a file, or its first bytes.
 * @throws the file system's error when it cannot be read
 */
export async function hashFile(file: string, hash: RunningHash, bytes?: number): Promise<number> {
  if (bytes === 0) return 0;
  let read = 0;
  for await (const chunk of createReadStream(file, bytes === undefined ? {} : { end: bytes - 1 })) {
    hash.update(chunk);
    read += chunk.length;
  }
  return read;
}
