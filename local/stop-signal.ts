/** Signals that ask for a clean end: Ctrl-C, a service manager, a closed terminal. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * One Ctrl-C can arrive several times: from the terminal, which tells the whole process group, and again
 * from npm and from the process that chose the Node version, which both pass it on.
 */
const SAME_KEYSTROKE_MS = 500;

/** Tells when this process was asked to stop. A second request ends it at once. */
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

  get isRequested(): boolean {
    return this.#isRequested;
  }

  /** Asks for a stop from inside. */
  request(): void {
    if (this.#isRequested) return;
    this.#isRequested = true;
    this.#firstAt = Date.now();
    this.#resolve();
  }

  /** Leaves the signals to their default again. */
  dispose(): void {
    for (const signal of SIGNALS) process.off(signal, this.#listener);
  }
}
