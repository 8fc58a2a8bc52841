import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { poolerFault } from '../../local/pooler-check';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const LIMITS = { statementTimeoutMs: 7_000, lockTimeoutMs: 3_000 };

/** PgBouncer's treatment of unknown startup parameters, and of those it ignores. */
type Habit = 'refuses' | 'drops';

/** A client's startup message without the time limits; undefined when it has none. */
function withoutLimits(startup: Buffer): Buffer | undefined {
  const parts = startup.subarray(8, -2).toString().split('\0');
  const kept: string[] = [];
  for (let index = 0; index < parts.length; index += 2) {
    const name = parts[index] ?? '';
    if (!name.endsWith('_timeout')) kept.push(name, parts[index + 1] ?? '');
  }
  if (kept.length === parts.length) return undefined;
  const body = Buffer.from(`${kept.join('\0')}\0\0`);
  const head = Buffer.from(startup.subarray(0, 8));
  head.writeInt32BE(8 + body.length);
  return Buffer.concat([head, body]);
}

function refusal(): Buffer {
  const body = Buffer.from('SFATAL\0C08P01\0Munsupported startup parameter: statement_timeout\0\0');
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}

function poolerTo(port: number, habit: Habit): Server {
  return createServer((client: Socket) => {
    const server = connect(port, '127.0.0.1');
    for (const socket of [client, server]) socket.on('error', () => socket.destroy());
    client.once('data', (startup: Buffer) => {
      const changed = withoutLimits(startup);
      if (changed !== undefined && habit === 'refuses') {
        server.destroy();
        client.end(refusal());
        return;
      }
      server.write(changed ?? startup);
      client.pipe(server).pipe(client);
    });
  });
}

describe('a pooler that does not pass on the time limits that were asked for', () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase();
  });
  after(() => database.drop());

  for (const habit of ['refuses', 'drops'] as const) {
    it(`but ${habit} them gets a one-line message with the variables to unset`, async () => {
      const url = new URL(database.adminUrl);
      const pooler = poolerTo(Number(url.port), habit).listen(0, '127.0.0.1');
      await once(pooler, 'listening');
      const address = pooler.address();
      assert.ok(typeof address === 'object' && address !== null);
      url.port = String(address.port);
      try {
        const options = { connectionString: url.href };
        assert.equal(await poolerFault(options), undefined);
        const found = (await poolerFault(options, LIMITS)) ?? '';
        assert.match(found, /LOGLINE_STATEMENT_TIMEOUT_MS and LOGLINE_LOCK_TIMEOUT_MS: leave them unset/);
        assert.ok(!found.includes('\n'));
      } finally {
        pooler.close();
      }
    });
  }

  it('is none where the server itself answers', async () => {
    assert.equal(await poolerFault({ connectionString: database.adminUrl }, LIMITS), undefined);
  });
});
