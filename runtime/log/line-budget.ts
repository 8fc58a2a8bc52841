/** Limits log lines of one kind per second, and counts the ones skipped. */
export class LineBudget {
  readonly #linesPerSecond: number;
  readonly #onOver: (skipped: number) => void;
  readonly #nowMs: () => number;
  #second = 0;
  #lines = 0;
  #skipped = 0;

  /**
   * @param onOver called with the number of skipped lines, at the first line of a later second
   * @param nowMs defaults to the system clock
   */
  constructor(linesPerSecond: number, onOver: (skipped: number) => void, nowMs: () => number = Date.now) {
    this.#linesPerSecond = linesPerSecond;
    this.#onOver = onOver;
    this.#nowMs = nowMs;
  }

  /** Whether one more line may be written. */
  take(): boolean {
    const second = Math.floor(this.#nowMs() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#lines = 0;
      if (this.#skipped > 0) this.#onOver(this.#skipped);
      this.#skipped = 0;
    }
    this.#lines += 1;
    if (this.#lines <= this.#linesPerSecond) return true;
    this.#skipped += 1;
    return false;
  }
}
