/** Our own transactions are ended after 15 s of doing nothing, and statements after 15 s. */
const HELD_BACK_MS = 20_000;

/** Tells whether a transaction is open for so long that subscribers of the feed, and the logs, see nothing new. */
export class FeedHold {
  readonly #nowMs: () => number;
  /** The oldest transaction that was open, and since when it has been known. */
  #oldest: { readonly xmin: bigint; readonly sinceMs: number } | undefined;

  /** @param nowMs milliseconds since 1970. Defaults to the clock */
  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  /**
   * Only two looks that are far enough apart can tell: nobody else's transaction says when it began.
   * @param xmin of the database's snapshot of this moment
   * @param xmax of the same
   */
  isHeldBack(xmin: bigint, xmax: bigint): boolean {
    if (xmin === xmax) {
      this.#oldest = undefined;
      return false;
    }
    if (this.#oldest?.xmin !== xmin) this.#oldest = { xmin, sinceMs: this.#nowMs() };
    return this.#nowMs() - this.#oldest.sinceMs > HELD_BACK_MS;
  }
}
