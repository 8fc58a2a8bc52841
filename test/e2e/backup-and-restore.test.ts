import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { moveCounter } from '../../runtime/db/move-counter';
import { append } from '../support/api';
import {
  cleanUp,
  type Ended,
  type LocalRun,
  runCommand,
  startLocalRun,
  temporaryFolder,
} from '../support/local-run';
import { withClient } from '../support/sql-session';
import { until } from '../support/until';

const PASSPHRASE = 'a passphrase of a test';

describe('backup and restore', function () {
  this.timeout(300_000);
  let folder: string;
  let data: string;
  let local: LocalRun | undefined;
  let backup: string;

  beforeEach(async () => {
    folder = await temporaryFolder();
    data = path.join(folder, 'ledger');
    backup = path.join(folder, 'ledger.backup');
    local = await startLocalRun(data);
  });

  afterEach(async () => {
    await local?.stop();
    await cleanUp(folder);
  });

  const logline = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> =>
    runCommand(args, { env: { LOGLINE_DATA: data, LOGLINE_BACKUP_PASSPHRASE: PASSPHRASE, ...env } });

  async function succeed(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await logline(args);
    assert.equal(code, 0, stdout + stderr);
    return stdout;
  }

  const run = (): LocalRun => {
    assert.ok(local);
    return local;
  };

  const note = async (name: string): Promise<void> => {
    const { url, token } = run();
    await append(url, token, { entity_type: 'note', who: 'dev', this: name });
  };

  interface Page {
    readonly seen: readonly string[];
    readonly cursor: string;
  }

  /** Follows the feed of notes until it shows `last`. */
  const readTo = (last: string, from?: string): Promise<Page> => {
    const seen: string[] = [];
    let cursor = from;
    return until(`the feed shows ${last}`, async () => {
      const query = new URLSearchParams({ order: 'feed', limit: '1000', entity_type: 'note' });
      if (cursor !== undefined) query.set('cursor', cursor);
      const response = await fetch(`${run().url}/api/timeline?${query}`, {
        headers: { authorization: `Bearer ${run().token}` },
      });
      const body = (await response.json()) as { spans: { this: string }[]; next_cursor: string };
      assert.equal(response.status, 200, JSON.stringify(body));
      seen.push(...body.spans.map((span) => span.this));
      cursor = body.next_cursor;
      return seen.at(-1) === last && { seen, cursor };
    });
  };

  const spansOf = async (type: string) => {
    const response = await fetch(`${run().url}/api/timeline?entity_type=${type}&order=asc&limit=1000`, {
      headers: { authorization: `Bearer ${run().token}` },
    });
    const { spans } = (await response.json()) as {
      spans: { did: string; this: string; metadata: Record<string, unknown> }[];
    };
    return spans;
  };

  const reactions = async (): Promise<readonly string[]> => {
    const response = await fetch(`${run().url}/api/timeline?entity_type=reaction&order=asc&limit=1000`, {
      headers: { authorization: `Bearer ${run().token}` },
    });
    const { spans } = (await response.json()) as { spans: { this: string }[] };
    return spans.map((span) => span.this).sort();
  };

  /** A policy that answers each note with one span. */
  const appendPolicy = async (): Promise<void> => {
    const { url, token } = run();
    await append(url, token, {
      entity_type: 'policy',
      status: 'active',
      language: 'javascript',
      code: `function on(span) {
        if (span.entity_type !== 'note') return [];
        return [{ type: 'emit', span: { entity_type: 'reaction', who: 'policy', this: span.this } }];
      }`,
    });
  };

  it('a dump into an empty folder: old cursors and policies continue without a skip or repeat', async () => {
    await appendPolicy();
    await note('kept');
    await until('the policy reacted', async () => (await reactions()).length === 1, 60_000);
    const early = await readTo('kept');
    assert.match(await succeed('backup', '--out', backup, '--with-keys'), /OK: \d+ spans/);
    assert.equal((await stat(backup)).mode & 0o777, 0o600);
    await note('lost');
    const late = await readTo('lost');
    await run().stop();

    // A new server's transaction ids begin near 750.
    const text = gunzipSync(await readFile(backup)).toString();
    assert.ok(
      !text.includes(JSON.parse(await readFile(path.join(data, 'keys.json'), 'utf8')).signing_key.seed_hex),
    );
    data = path.join(folder, 'restored');
    assert.match(await succeed('restore', backup), /OK: \d+ spans: every hash/);
    local = await startLocalRun(data);
    await note('new 1');
    await note('new 2');
    assert.deepEqual((await readTo('new 2')).seen, ['kept', 'new 1', 'new 2']);
    assert.deepEqual((await readTo('new 2', early.cursor)).seen, ['new 1', 'new 2']);
    assert.deepEqual((await readTo('new 2', late.cursor)).seen, ['new 1', 'new 2']);
    await until('the policy reacted', async () => (await reactions()).length === 3, 60_000);
    assert.deepEqual(await reactions(), ['kept', 'new 1', 'new 2']);
    assert.match(await succeed('verify'), /OK: /);
  });

  /** Saves a checkpoint outside the ledger. */
  const keepCheckpoint = async (name: string, spans: number): Promise<string> => {
    const file = path.join(folder, name);
    await until(`${spans} spans are sealed`, async () => {
      const { code } = await logline(['checkpoint', '--tenant', 'dev', '--json', '--out', file]);
      return code === 0 && (JSON.parse(await readFile(file, 'utf8')) as { size: number }).size >= spans;
    });
    const { checkpoint } = JSON.parse(await readFile(file, 'utf8')) as { checkpoint: string };
    await writeFile(file, checkpoint);
    return file;
  };

  it('a restored earlier copy of the folder: exactly the lost spans are reported', async () => {
    await note('kept');
    const early = await readTo('kept');
    const survived = await keepCheckpoint('survived', 1);
    const vkeys = (await succeed('checkpoint', '--tenant', 'dev', '--vkey')).trim();
    await run().stop();
    const copy = path.join(folder, 'copy');
    await promisify(execFile)('cp', ['-a', data, copy]);
    local = await startLocalRun(data);
    for (let number = 0; number < 20; number += 1) await note(`lost ${number}`);
    const late = await readTo('lost 19');
    const lost = await keepCheckpoint('lost', 21);
    await run().stop();
    await rm(data, { recursive: true });
    await rename(copy, data);
    local = await startLocalRun(data);
    const health = await fetch(`${run().url}/api/health`);
    assert.match(await health.text(), /"degraded".*restore_needed/);
    await run().stop();
    const restored = await succeed('restore');
    assert.match(restored, /OK: \d+ spans: every hash/);
    assert.match(restored, /LOST: the ledger before had sealed \d+ batches more/);
    assert.match(restored, /\d+ logs go on under another name/);
    local = await startLocalRun(data);
    for (let number = 0; number < 40; number += 1) await note(`new ${number}`);
    const expected = Array.from({ length: 40 }, (_, number) => `new ${number}`);
    assert.deepEqual((await readTo('new 39', early.cursor)).seen, expected);
    assert.deepEqual((await readTo('new 39', late.cursor)).seen, expected);

    // The log has another name now, and the surviving part is its beginning.
    const now = await keepCheckpoint('now', 41);
    const [origin, size] = (await readFile(now, 'utf8')).split('\n');
    const [before, lostSize] = (await readFile(lost, 'utf8')).split('\n');
    assert.match(String(origin), /\/[0-9a-f]{8}\/dev$/);
    assert.equal(String(origin).replace(/\/[0-9a-f]{8}\//, '/'), before);
    assert.ok(Number(size) > Number(lostSize), `${size} ${lostSize}`);
    const newKeys = (await succeed('checkpoint', '--tenant', 'dev', '--vkey')).trim();
    assert.ok(newKeys.startsWith(`${origin}+`) && newKeys.endsWith(`\n${vkeys}`), newKeys);
    const compare = (one: string, other: string) =>
      logline(['verify', '--vkey', newKeys, '--checkpoint', one, '--checkpoint', other]);
    const continued = await compare(survived, now);
    assert.equal(continued.code, 0, continued.stdout + continued.stderr);
    assert.match(continued.stdout, /OK: .*\nafter a restore: before it was called /);
    const parted = await compare(lost, now);
    assert.equal(parted.code, 1, parted.stdout);
    assert.match(parted.stdout, /FAULT lost: .* part ways/);
    assert.match(await succeed('verify'), /OK: \d+ logs? with .* under another name since a restore/);
    const renamed = (await spansOf('checkpoint')).find(({ did }) => did === 'renamed');
    assert.deepEqual([renamed?.this, renamed?.metadata.continues], [origin, before]);
    assert.ok(String(renamed?.metadata.checkpoint).startsWith(`${before}\n`));
  });

  it('an earlier base backup: a cursor ahead gets 410, and after restore all cursors continue', async () => {
    await appendPolicy();
    await note('kept');
    await until('the policy reacted', async () => (await reactions()).length === 1, 60_000);
    const early = await readTo('kept');
    assert.match(await succeed('backup', '--base', '--out', backup, '--with-keys'), /OK: \d+ spans/);
    assert.equal((await stat(backup)).mode & 0o777, 0o600);
    // Many transactions, so that the restored server does not reach these ids by its start alone.
    await withClient((await succeed('connect', '--print', '--admin')).trim(), (client) =>
      moveCounter(client, 100_000n, () => undefined),
    );
    await note('lost');
    await until('the policy reacted', async () => (await reactions()).length === 2, 60_000);
    const late = await readTo('lost');
    await run().stop();

    // Restored by hand and without the guard, only the cursors reveal that spans are missing.
    const [there, bare] = [data, path.join(folder, 'bare')];
    await succeed('restore', backup, '--unpack', path.join(bare, 'postgres'));
    await copyFile(path.join(data, 'keys.json'), path.join(bare, 'keys.json'));
    data = bare;
    local = await startLocalRun(data);
    const ahead = await fetch(
      `${run().url}/api/timeline?order=feed&limit=1000&entity_type=note&cursor=${late.cursor}`,
      { headers: { authorization: `Bearer ${run().token}` } },
    );
    const problem = (await ahead.json()) as { type: string };
    assert.deepEqual([ahead.status, problem.type], [410, 'urn:logline:problem:cursor_ahead']);
    await run().stop();

    data = there;
    await rm(data, { recursive: true });
    const restored = await succeed('restore', backup);
    assert.match(restored, /OK: \d+ spans: every hash/);
    assert.match(restored, /LOST: the ledger before had sealed \d+ batches more/);
    local = await startLocalRun(data);
    await note('new 1');
    await note('new 2');
    assert.deepEqual((await readTo('new 2', early.cursor)).seen, ['new 1', 'new 2']);
    assert.deepEqual((await readTo('new 2', late.cursor)).seen, ['new 1', 'new 2']);
    await until('the policy reacted', async () => (await reactions()).length === 3, 60_000);
    assert.deepEqual(await reactions(), ['kept', 'new 1', 'new 2']);
    assert.match(await succeed('verify'), /OK: /);
  });

  it('restore refuses a folder with a ledger, a torn or changed file, another key and a wrong passphrase', async () => {
    await note('kept');
    await succeed('backup', '--out', backup, '--with-keys');
    await run().stop();
    const refused = async (args: readonly string[], message: RegExp, env = {}): Promise<void> => {
      const { code, stderr } = await logline(args, env);
      assert.match(stderr, message);
      assert.notEqual(code, 0);
    };
    await refused(['restore', backup], /holds a ledger already/);
    await refused(['backup', '--out', backup], /is there already/);
    const elsewhere = (name: string) => ({ LOGLINE_DATA: path.join(folder, name) });
    await refused(['restore', backup], /passphrase does not open/, {
      ...elsewhere('a'),
      LOGLINE_BACKUP_PASSPHRASE: 'of another backup',
    });
    const torn = path.join(folder, 'torn');
    const bytes = await readFile(backup);
    await writeFile(torn, bytes.subarray(0, bytes.length - 200));
    await refused(['restore', torn], /damaged|too early/, elsewhere('b'));
    const changed = path.join(folder, 'changed');
    const text = gunzipSync(bytes).toString();
    await writeFile(changed, gzipSync(text.replace('"kept"', '"kexx"')));
    await refused(['restore', changed], /was changed/, elsewhere('c'));
    await refused(['restore', path.join(folder, 'nothing')], /there is no file/, elsewhere('d'));
    // The refused restore left no ledger behind, so the right file can be restored.
    assert.equal((await logline(['restore', backup], elsewhere('c'))).code, 0);
    const bare = path.join(folder, 'bare');
    data = path.join(folder, 'c');
    await succeed('backup', '--out', bare);
    await refused(['restore', bare], /holds no keys/, elsewhere('e'));
  });
});
