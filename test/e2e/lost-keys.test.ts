import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import path from 'node:path';
import { cleanUp, type Ended, runCommand, startLocalRun, temporaryFolder } from '../support/local-run';
import { createEmptyDatabase, type TestDatabase } from '../support/test-database';

describe('a ledger whose keys are elsewhere', function () {
  this.timeout(240_000);
  let folder: string;
  let database: TestDatabase | undefined;

  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(async () => {
    await cleanUp(folder);
    await database?.drop();
    database = undefined;
  });

  const succeed = async (args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> => {
    const ended = await runCommand(args, { env });
    assert.equal(ended.code, 0, ended.stdout + ended.stderr);
    return ended;
  };

  it('does not start under another key, stays unchanged, and starts with its own', async () => {
    database = await createEmptyDatabase();
    const server = { DATABASE_URL: database.adminUrl, LOGLINE_ROLE_PREFIX: 'lost_keys' };
    const first = await startLocalRun(path.join(folder, 'one'), { env: server });
    const key = JSON.parse(
      (await succeed(['keys', 'show', '--json'], { ...server, LOGLINE_DATA: path.join(folder, 'one') }))
        .stdout,
    ).public_key;
    const other = { ...server, PORT: '0', LOGLINE_DATA: path.join(folder, 'two') };
    const refused = await runCommand(['dev'], { env: other });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, new RegExp(`signed by key [0-9a-f]{16} \\(${key}\\).*keys adopt`, 's'));
    // The passwords of its roles are still its own.
    const response = await fetch(`${first.url}/api/timeline`, {
      headers: { authorization: `Bearer ${first.token}` },
    });
    assert.equal(response.status, 200);
    await first.stop();
    const again = await startLocalRun(path.join(folder, 'one'), { env: server });
    await again.stop();
  });

  it('continues under a new key once that is adopted, and verify reports it', async () => {
    const data = path.join(folder, 'ledger');
    await (await startLocalRun(data)).stop();
    await rename(path.join(data, 'keys.json'), path.join(folder, 'keys.json'));
    const env = { LOGLINE_DATA: data, PORT: '0' };
    const refused = await runCommand(['dev'], { env });
    assert.match(refused.stderr, /keys\.json is missing.*keys adopt/s);
    assert.equal((await runCommand(['keys', 'adopt'], { env })).code, 2);
    assert.match((await succeed(['keys', 'adopt', '--yes'], env)).stdout, /introduced instance key/);
    const run = await startLocalRun(data);
    const { stdout } = await succeed(['verify'], env);
    assert.match(stdout, /adopted .*: the operator's word alone links it/);
    assert.match(stdout, /OK: /);
    const shown = JSON.parse((await succeed(['keys', 'show', '--json'], env)).stdout);
    assert.deepEqual(
      shown.history.map((one: { status: string; adopted: boolean }) => [one.status, one.adopted]),
      [
        ['retired', false],
        ['active', true],
      ],
    );
    assert.deepEqual(shown.faults, []);
    await run.stop();
  });
});
