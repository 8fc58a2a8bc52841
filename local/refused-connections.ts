import type { Socket } from 'node:net';

/** Milliseconds until a refused connection is told so, if there are fewer than {@link MAX_HELD}. */
const HELD_MS = 1_000;
const MAX_HELD = 1_000;

/**
 * Connections for which there is no place. They wait for their refusal: clients that connect again as soon as they are
 * refused would otherwise take up a third of the thread with connections alone.
 */
export class RefusedConnections {
  readonly #refuse: (socket: Socket) => void;
  #held = 0;

  /** @param refuse writes the refusal, even if the client has not sent its request yet, and ends the socket */
  constructor(refuse: (socket: Socket) => void) {
    this.#refuse = refuse;
  }

  add(socket: Socket): void {
    socket.on('error', () => undefined);
    if (this.#held >= MAX_HELD) {
      this.#refuse(socket);
      return;
    }
    this.#held += 1;
    const timer = setTimeout(() => this.#refuse(socket), HELD_MS);
    socket.once('close', () => {
      clearTimeout(timer);
      this.#held -= 1;
    });
  }
}
