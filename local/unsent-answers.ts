import type { ServerResponse } from 'node:http';

/** What one answer may leave unsent without being counted: all connections together then hold 64 MiB. */
const SMALL_BYTES = 16 * 1024;

/**
 * Answers whose readers take their time, which stay in memory until they have been read. Beyond a bound over all
 * connections the one that has waited longest is cut: a thousand readers that never read would hold 4 GiB.
 */
export class UnsentAnswers {
  readonly #maxBytes: number;
  /** The one that has waited longest stands first. */
  readonly #bytes = new Map<ServerResponse, number>();
  #total = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** To be called once an answer was written. */
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
