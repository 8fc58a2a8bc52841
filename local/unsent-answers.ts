import type { ServerResponse } from 'node:http';

/** Unsent bytes up to which an answer is not counted; over all 4,000 connections that is 64 MiB. */
const SMALL_BYTES = 16 * 1024;

interface Unsent {
  readonly bytes: number;
  /** The token that it was asked for with; empty without one. */
  readonly caller: string;
}

/**
 * Bounds the memory of answers to slow readers: a thousand readers that never read would hold 4 GiB. Beyond a limit over
 * all connections, the answer is cut that has waited longest of the caller with the most unsent bytes, so that a caller
 * who does not read costs none who reads slowly.
 */
export class UnsentAnswers {
  readonly #maxBytes: number;
  /** In order of waiting time, longest first. */
  readonly #answers = new Map<ServerResponse, Unsent>();
  readonly #perCaller = new Map<string, number>();
  #total = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Called after an answer was written. */
  add(response: ServerResponse): void {
    const bytes = response.writableLength;
    if (bytes <= SMALL_BYTES || response.destroyed) return;
    const caller = response.req.headers.authorization ?? '';
    this.#answers.set(response, { bytes, caller });
    this.#count(caller, bytes);
    response.once('close', () => this.#forget(response));
    while (this.#total > this.#maxBytes) {
      const longest = this.#longestOf(this.#callerWithMost());
      if (longest === undefined) return;
      this.#forget(longest);
      longest.destroy();
    }
  }

  #callerWithMost(): string {
    let most = '';
    let bytes = 0;
    for (const [caller, own] of this.#perCaller) {
      if (own <= bytes) continue;
      most = caller;
      bytes = own;
    }
    return most;
  }

  #longestOf(caller: string): ServerResponse | undefined {
    for (const [response, answer] of this.#answers) if (answer.caller === caller) return response;
    return undefined;
  }

  #forget(response: ServerResponse): void {
    const answer = this.#answers.get(response);
    if (answer === undefined) return;
    this.#answers.delete(response);
    this.#count(answer.caller, -answer.bytes);
  }

  #count(caller: string, bytes: number): void {
    this.#total += bytes;
    const own = (this.#perCaller.get(caller) ?? 0) + bytes;
    if (own === 0) this.#perCaller.delete(caller);
    else this.#perCaller.set(caller, own);
  }
}
