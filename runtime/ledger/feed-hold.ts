/** LogLine's own transactions end sooner: idle ones and statements time out after 15 s. */
const HELD_BACK_MS = 20_000;

/** Detects a transaction that is open for so long that the feed and the logs show nothing new. */
export class FeedHold {
  readonly #nowMs: () => number;
  /** The oldest open transaction, and when it was first seen. */
  #oldest: { readonly xmin: bigint; readonly sinceMs: number } | undefined;

  /** @param nowMs Unix time in ms; defaults to the system clock */
  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  /**
   * Whether the same transaction has been the oldest for more than 20 s. True at the earliest on the second call, since
   * a role cannot see when another's transaction began.
   * @param xmin of the database's current snapshot
   * @param xmax of the same snapshot
   */
  isHeldBack(xmin: bigint, xmax: bigint): boolean {
    if (xmin === xmax) {
      this.#oldest = undefined;
      return false;
    }
    const nowMs = this.#nowMs();
    // A time that lies ahead says that the clock was set back: the wait is measured from now.
    if (this.#oldest?.xmin !== xmin || this.#oldest.sinceMs > nowMs) this.#oldest = { xmin, sinceMs: nowMs };
    return nowMs - this.#oldest.sinceMs > HELD_BACK_MS;
  }
}
