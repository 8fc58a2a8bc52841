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

  /** A connection that answers one request of a tenant. */
  function served(connections: OpenConnections, tenant: string): { isCut: boolean } {
    const state = { isCut: false };
    const socket = Object.assign(new EventEmitter(), {
      remoteAddress: '192.0.2.1',
      destroy: () => {
        state.isCut = true;
      },
    }) as unknown as Socket;
    nowMs += 1;
    assert.equal(connections.open(socket), true);
    const request = { socket, complete: true } as unknown as IncomingMessage;
    const response = new EventEmitter() as ServerResponse;
    connections.serve(request, response, () => tenant);
    response.emit('close');
    return state;
  }

  const limits = { connections: 100, connectionsPerAddress: 4, graceMs: 0 };

  it('of the tenant with the most give way first, though those of another have waited longer', () => {
    const connections = new OpenConnections(limits, () => nowMs);
    const good = served(connections, 'good');
    const bad = [1, 2, 3].map(() => served(connections, 'bad'));
    for (let count = 0; count < 5; count += 1) bad.push(served(connections, 'bad'));
    assert.equal(good.isCut, false);
    assert.equal(bad.filter(({ isCut }) => isCut).length, 5);
  });

  it('of callers without a verified token count together', () => {
    const connections = new OpenConnections(limits, () => nowMs);
    const good = [1, 2].map(() => served(connections, 'good'));
    for (let count = 0; count < 5; count += 1) served(connections, '');
    assert.deepEqual(
      good.map(({ isCut }) => isCut),
      [false, false],
    );
  });
});
