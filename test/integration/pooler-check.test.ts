import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { poolerFault } from '../../local/pooler-check';
import { cleanUp, runCommand, temporaryFolder } from '../support/local-run';
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

function refusal(message: string): Buffer {
  const body = Buffer.from(`SFATAL\0C08P01\0M${message}\0\0`);
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
        client.end(refusal('unsupported startup parameter: statement_timeout'));
        return;
      }
      server.write(changed ?? startup);
      client.pipe(server).pipe(client);
    });
  });
}

/** A pooler of statements, which takes no transactions. */
function statementPoolerTo(port: number): Server {
  return createServer((client: Socket) => {
    const server = connect(port, '127.0.0.1');
    for (const socket of [client, server]) socket.on('error', () => socket.destroy());
    server.pipe(client);
    client.on('data', (message: Buffer) => {
      if (!message.includes('BEGIN')) server.write(message);
      else client.end(refusal('transaction blocks not allowed in statement pooling mode'));
    });
    client.on('close', () => server.destroy());
  });
}

/** A pooler that gives each statement the first connection that it has, and knows nothing of prepared ones. */
function forgetfulPoolerTo(port: number): Server {
  let pooled: Socket | undefined;
  let asking: Socket | undefined;
  return createServer((client: Socket) => {
    const own = connect(port, '127.0.0.1');
    let isReady = false;
    for (const socket of [client, own]) socket.on('error', () => socket.destroy());
    own.on('data', (answer: Buffer) => {
      // ReadyForQuery: whoever logged in on this connection may ask now.
      isReady ||= answer.at(-6) === 0x5a;
      if (own === pooled) (asking ?? client).write(answer);
      else client.write(answer);
    });
    client.on('data', (message: Buffer) => {
      if (!isReady) return own.write(message);
      pooled ??= own;
      asking = client;
      return pooled.write(message);
    });
    client.on('close', () => own.destroy());
  });
}

/** The database by way of a pooler, while it is used. */
async function through<T>(
  url: string,
  pooler: (port: number) => Server,
  use: (url: string) => Promise<T>,
): Promise<T> {
  const reached = new URL(url);
  const server = pooler(Number(reached.port)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  reached.port = String(address.port);
  try {
    return await use(reached.href);
  } finally {
    server.close();
  }
}

describe('a pooler in an unusable mode', () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase();
  });
  after(() => database.drop());

  for (const [what, pooler, fault] of [
    ['pools statements', statementPoolerTo, /^it pools statements: set pool_mode = transaction/],
    [
      'forgets prepared statements',
      forgetfulPoolerTo,
      /^it keeps no prepared statements: set max_prepared_statements/,
    ],
  ] as const) {
    it(`that ${what} is told by the setting to change, in one line`, async () => {
      const found = await through(database.adminUrl, pooler, (url) => poolerFault({ connectionString: url }));
      assert.match(found ?? '', fault);
      assert.ok(!found?.includes('\n'));
    });
  }

  it('is named at the start, which it ends', async () => {
    const data = await temporaryFolder();
    try {
      const { code, stderr } = await through(database.adminUrl, statementPoolerTo, (url) =>
        runCommand(['dev'], { env: { PORT: '0', LOGLINE_DATA: data, DATABASE_URL: url } }),
      );
      assert.equal(code, 1);
      assert.match(stderr, /^logline: the pooler at .* cannot be used, since it pools statements: .*\n$/);
    } finally {
      await cleanUp(data);
    }
  }).timeout(60_000);
});

describe('a pooler that does not pass on the time limits that were asked for', () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase();
  });
  after(() => database.drop());

  for (const habit of ['refuses', 'drops'] as const) {
    it(`but ${habit} them gets a one-line message with the variables to unset`, async () => {
      const pooler = (port: number) => poolerTo(port, habit);
      await through(database.adminUrl, pooler, async (url) => {
        const options = { connectionString: url };
        assert.equal(await poolerFault(options), undefined);
        const found = (await poolerFault(options, LIMITS)) ?? '';
        assert.match(found, /LOGLINE_STATEMENT_TIMEOUT_MS and LOGLINE_LOCK_TIMEOUT_MS: leave them unset/);
        assert.ok(!found.includes('\n'));
      });
    });
  }

  it('is none where the server itself answers', async () => {
    assert.equal(await poolerFault({ connectionString: database.adminUrl }, LIMITS), undefined);
  });
});
