import assert from 'node:assert/strict';
import path from 'node:path';
import { append } from '../support/api';
import { cleanUp, type LocalRun, runCommand, startLocalRun, temporaryFolder } from '../support/local-run';
import { withClient } from '../support/sql-session';
import { createEmptyDatabase, type TestDatabase } from '../support/test-database';

describe('backup and restore of a ledger with a DATABASE_URL', function () {
  this.timeout(240_000);
  let folder: string;
  const databases: TestDatabase[] = [];
  let run: LocalRun | undefined;

  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(async () => {
    await run?.stop();
    await cleanUp(folder);
    for (const database of databases.splice(0)) await database.drop();
  });

  /** A database of its own, as another server would be, with roles of its own. */
  const place = async (prefix: string, data: string) => {
    const database = await createEmptyDatabase();
    databases.push(database);
    return {
      DATABASE_URL: database.adminUrl,
      LOGLINE_ROLE_PREFIX: prefix,
      LOGLINE_DATA: path.join(folder, data),
      LOGLINE_BACKUP_PASSPHRASE: 'a passphrase of a test',
    };
  };

  const succeed = async (args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> => {
    const { code, stdout, stderr } = await runCommand(args, { env });
    assert.equal(code, 0, stdout + stderr);
    return stdout;
  };

  const notesOf = (url: string): Promise<string | undefined> =>
    withClient(url, async (client) => {
      const { rows } = await client.query<{ notes: string }>(
        `SELECT count(*)::text AS notes FROM ledger.universal_registry WHERE entity_type = 'note'`,
      );
      return rows[0]?.notes;
    });

  it('takes every span as the role of backups while it runs, and puts them into an empty database', async () => {
    const from = await place('own_from', 'from');
    run = await startLocalRun(from.LOGLINE_DATA, { env: from });
    await append(run.url, run.token, { entity_type: 'note', who: 'dev', this: 'kept' });
    const file = path.join(folder, 'ledger.backup');
    const written = JSON.parse(await succeed(['backup', '--out', file, '--with-keys', '--json'], from));
    assert.deepEqual(written.faults, []);
    await run.stop();
    run = undefined;

    const to = await place('own_to', 'to');
    const restored = JSON.parse(await succeed(['restore', file, '--json'], to));
    assert.deepEqual(restored.faults, []);
    assert.ok(restored.spans > 1);
    assert.equal(restored.spans, written.rows['ledger.universal_registry']);
    const again = await runCommand(['restore', file], { env: to });
    assert.notEqual(again.code, 0, 'a database with a ledger is no empty place');
    run = await startLocalRun(to.LOGLINE_DATA, { env: to });
    assert.match(await succeed(['verify'], to), /OK: /);
    const notes = await Promise.all(databases.map(({ superuserUrl }) => notesOf(superuserUrl)));
    assert.deepEqual(notes, ['1', '1']);
  });
});
