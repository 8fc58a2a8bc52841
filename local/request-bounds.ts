import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests of one connection that may be unanswered at a time (pipelining, RFC 9112 section 9.3.2). */
const MAX_UNANSWERED = 32;
/** Chunks of a body that may have any size. */
const FREE_CHUNKS = 1_024;
/** Average bytes of a body's chunks beyond that: each takes some 200 bytes of memory, however small it is. */
const MIN_CHUNK_BYTES = 64;

const unanswered = new WeakMap<Socket, number>();

/**
 * Counts a request of its connection until it is answered. A connection with too many is cut: all of them are worked on
 * at once, and one that sends 10,000 would take the memory of as many connections.
 * @returns false when the connection is cut
 */
export function countUnanswered({ socket }: IncomingMessage, response: ServerResponse): boolean {
  const count = (unanswered.get(socket) ?? 0) + 1;
  if (count > MAX_UNANSWERED) socket.destroy();
  // The parser goes on with what has arrived.
  if (socket.destroyed) return false;
  unanswered.set(socket, count);
  response.once('close', () => unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1));
  return true;
}

/** Calls `refuse` instead of taking a further chunk when a body comes in too many small ones. */
export function boundChunks(request: IncomingMessage, refuse: () => void): void {
  let chunks = 0;
  let bytes = 0;
  let isRefused = false;
  const push = request.push.bind(request);
  // Node's parser hands each chunk to `push`; a listener would start the flow.
  request.push = (chunk: Buffer | null, encoding) => {
    if (chunk !== null) {
      if (isRefused) return true;
      chunks += 1;
      bytes += chunk.length;
      if (chunks > FREE_CHUNKS && bytes < chunks * MIN_CHUNK_BYTES) {
        isRefused = true;
        refuse();
        return true;
      }
    }
    return push(chunk, encoding);
  };
}
