import type { ServerResponse } from 'node:http';

/** Unsent bytes up to which an answer is not counted; over all 4,000 connections that is 64 MiB. */
const SMALL_BYTES = 16 * 1024;

/**
 * Bounds the memory of answers to slow readers. Beyond a limit over all connections, the answer that has waited longest is
 * cut: a thousand readers that never read would hold 4 GiB.
 */
export class UnsentAnswers {
  readonly #maxBytes: number;
  /** Unsent bytes by response, in order of waiting time, longest first. */
  readonly #bytes = new Map<ServerResponse, number>();
  #total = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Called after an answer was written. */
  add(response: ServerResponse): void {
    const bytes = response.writableLength;
    if (bytes <= SMALL_BYTES || response.destroyed) return;
    this.#bytes.set(response, bytes);
    this.#total += bytes;
    response.once('close', () => this.#forget(response));
    for (const [oldest] of this.#bytes) {
      if (this.#total <= this.#maxBytes) return;
      this.#forget(oldest);
      oldest.destroy();
    }
  }

  #forget(response: ServerResponse): void {
    this.#total -= this.#bytes.get(response) ?? 0;
    this.#bytes.delete(response);
  }
}
