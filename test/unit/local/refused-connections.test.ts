import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { RefusedConnections } from '../../../local/refused-connections';

describe('refused connections', () => {
  it('of refused connections a thousand wait for their refusal, and one more is refused at once', async () => {
    const refused: Socket[] = [];
    const connections = new RefusedConnections((socket) => refused.push(socket));
    const held = Array.from({ length: 1_000 }, () => new Socket());
    for (const socket of held) connections.add(socket);
    assert.deepEqual(refused, []);
    const next = new Socket();
    connections.add(next);
    assert.deepEqual(refused, [next]);

    // Its place is free again when a client has gone.
    const [first] = held;
    const closed = first && once(first, 'close');
    first?.destroy();
    await closed;
    connections.add(new Socket());
    assert.deepEqual(refused, [next]);
    for (const socket of held) socket.destroy();
  });
});
