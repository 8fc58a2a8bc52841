import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { OpenConnections } from '../../../local/open-connections';

describe('open connections', () => {
  let nowMs = 0;
  beforeEach(() => {
    nowMs = 0;
  });

  /** A connection that answers one request with this status. */
  function served(connections: OpenConnections, token: string | undefined, status = 200): { isCut: boolean } {
    const state = { isCut: false };
    const socket = Object.assign(new EventEmitter(), {
      remoteAddress: '192.0.2.1',
      destroy: () => {
        state.isCut = true;
      },
    }) as unknown as Socket;
    nowMs += 1;
    assert.equal(connections.open(socket), true);
    const headers = token === undefined ? {} : { authorization: token };
    const request = { socket, headers, complete: true } as unknown as IncomingMessage;
    const response = Object.assign(new EventEmitter(), { statusCode: status });
    connections.serve(request, response as unknown as ServerResponse);
    response.emit('close');
    return state;
  }

  const limits = { connections: 100, connectionsPerAddress: 4, graceMs: 0 };

  it('of the caller with the most give way first, though those of another have waited longer', () => {
    const connections = new OpenConnections(limits, () => nowMs);
    const good = served(connections, 'Bearer good');
    const bad = [1, 2, 3].map(() => served(connections, 'Bearer bad'));
    for (let count = 0; count < 5; count += 1) bad.push(served(connections, 'Bearer bad'));
    assert.equal(good.isCut, false);
    assert.equal(bad.filter(({ isCut }) => isCut).length, 5);
  });

  it('of callers whose tokens were refused count together', () => {
    const connections = new OpenConnections(limits, () => nowMs);
    const good = [1, 2].map(() => served(connections, 'Bearer good'));
    for (let count = 0; count < 5; count += 1) served(connections, `Bearer forged ${count}`, 401);
    const forged = served(connections, 'Bearer forged', 401);
    served(connections, 'Bearer forged', 401);
    assert.deepEqual(
      good.map(({ isCut }) => isCut),
      [false, false],
    );
    assert.equal(forged.isCut, false);
  });
});
