import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Counts round trips and bytes between clients and PostgreSQL. */
export interface WireMeter {
  readonly port: number;
  /**
   * Round trips since the last call: simple queries and Syncs of the frontend protocol (PostgreSQL manual, "Message
   * Formats"). Each costs both sides a wake-up.
   */
  take(): number;
  /** Bytes from the server since the last call. */
  takeBytes(): number;
  close(): Promise<void>;
}

const QUERY = 'Q'.charCodeAt(0);
const SYNC = 'S'.charCodeAt(0);

/** Starts a proxy on a free port of 127.0.0.1 that parses the frames it forwards. */
export async function startWireMeter(targetPort: number): Promise<WireMeter> {
  const sockets = new Set<Socket>();
  let turns = 0;
  let bytes = 0;
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => sockets.delete(socket));
    }
    const count = frameReader((type) => {
      if (type === QUERY || type === SYNC) turns += 1;
    });
    client.on('data', (chunk) => {
      count(chunk);
      target.write(chunk);
    });
    target.on('data', (chunk) => {
      bytes += chunk.length;
      client.write(chunk);
    });
    client.on('close', () => target.destroy());
    target.on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the meter has no port');
  return {
    port: address.port,
    take() {
      const taken = turns;
      turns = 0;
      return taken;
    },
    takeBytes() {
      const taken = bytes;
      bytes = 0;
      return taken;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}

/** Reports the type of each frame; the start-up message has none. */
function frameReader(onFrame: (type: number) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  let isStarted = false;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const head = isStarted ? 1 : 0;
      if (rest.length < head + 4) return;
      const end = head + rest.readUInt32BE(head);
      if (rest.length < end) return;
      if (isStarted) onFrame(rest.readUInt8(0));
      isStarted = true;
      rest = rest.subarray(end);
    }
  };
}
