/** Signals for a clean stop: from Ctrl-C, a service manager, a closed terminal. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Signals within this many milliseconds count as one: Ctrl-C arrives from the terminal, and again from npm and from the
 * launcher, which forward it.
 */
const SAME_KEYSTROKE_MS = 500;

/** Turns signals into a stop request; a second one forces the end. */
export class StopSignal {
  readonly requested: Promise<void>;
  #isRequested = false;
  #resolve: () => void = () => undefined;
  #firstAt = 0;
  readonly #onForce: () => void;
  readonly #listener = (): void => {
    if (this.#isRequested && Date.now() - this.#firstAt > SAME_KEYSTROKE_MS) this.#onForce();
    this.request();
  };

  /** @param onForce called on the second request; should end the process */
  constructor(onForce: () => void) {
    this.#onForce = onForce;
    this.requested = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    for (const signal of SIGNALS) process.on(signal, this.#listener);
  }

  /** Whether a stop was requested. */
  get isRequested(): boolean {
    return this.#isRequested;
  }

  /** Requests a stop without a signal. */
  request(): void {
    if (this.#isRequested) return;
    this.#isRequested = true;
    this.#firstAt = Date.now();
    this.#resolve();
  }

  /** Removes the signal handlers. */
  dispose(): void {
    for (const signal of SIGNALS) process.off(signal, this.#listener);
  }
}
