import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { GuardFile } from '../../local/guard-file';
import { Database } from '../../runtime/db/pool';
import { auditLogs, type LogFault } from '../../runtime/proofs/log-audit';
import { createTestLog, TEST_INSTANCE, type TestLog } from '../support/test-log';
import { until } from '../support/until';

const ROOT = path.dirname(path.dirname(__dirname));
/** `LOGLINE_SEALER_KILLS=200` for a long run. */
const KILLS = Number(process.env.LOGLINE_SEALER_KILLS ?? 6);
/** Longer than a batch, so that every step is hit. */
const LIFE_MS = 60;
const TENANTS = ['acme', 'a b', '🦀'];

type Child = ChildProcessByStdio<null, Readable, null>;

describe('sealers that are killed', function () {
  this.timeout(60_000 + KILLS * 5_000);
  let log: TestLog;
  let folder: string;
  before(async () => {
    log = await createTestLog();
    folder = await mkdtemp(path.join(tmpdir(), 'logline-sealers-'));
  });
  after(async () => {
    await log.close();
    await rm(folder, { recursive: true });
  });

  const start = (batchSize: number): Child =>
    spawn(
      process.execPath,
      [
        '--require',
        path.join(ROOT, 'cli', 'register-typescript.js'),
        path.join(ROOT, 'test', 'support', 'sealer-process.ts'),
        log.stage0.database.urls.sealer,
        path.join(folder, 'guard'),
        TEST_INSTANCE,
        String(batchSize),
      ],
      {
        env: { ...process.env, SEAL_KEY: log.keys.current.secretKeyHex() },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );

  /** Runs a sealer until shortly after its first batch, then kills it. */
  const liveAndDie = async (batchSize: number): Promise<void> => {
    const child = start(batchSize);
    const gone = once(child, 'exit');
    const ended = gone.then(() => {
      throw new Error('a sealer ended by itself');
    });
    await Promise.race([once(child.stdout, 'data'), ended]);
    ended.catch(() => undefined);
    await sleep(Math.random() * LIFE_MS);
    child.kill('SIGKILL');
    await gone;
  };

  it('leave each span sealed once, in feed order, while two compete and tenants append', async () => {
    let isDone = false;
    let appended = 0;
    const writing = (async () => {
      while (!isDone) {
        const tenant = TENANTS[appended % TENANTS.length] ?? '';
        const drafts = Array.from({ length: 20 }, () => ({ entity_type: 'note', who: 'alice', this: 'x' }));
        await log.stage0.writer.append({ user: 'alice', tenant }, drafts);
        appended += drafts.length;
        await sleep(1);
      }
    })();
    const lives = async (batchSize: number): Promise<void> => {
      for (let kill = 0; kill < KILLS; kill += 1) await liveAndDie(batchSize);
    };
    await Promise.all([lives(7), lives(300)]).finally(() => {
      isDone = true;
    });
    await writing;
    // PostgreSQL rolls back the killed sealers' transactions once it notices.
    const last = log.sealer({ guard: new GuardFile(path.join(folder, 'guard')), batchSize: 2_000 });
    await until('everything is sealed', async () => (await last.sealBatch()).outcome === 'nothing');

    const auditing = new Database({ connectionString: log.stage0.database.urls.auditor, poolSize: 1 });
    const client = await auditing.connect();
    const faults: LogFault[] = [];
    try {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const { entries, logs } = await auditLogs(client, {
        checkpointKeys: [log.keys.current.publicKeyHex],
        onFault: (fault) => faults.push(fault),
      });
      assert.deepEqual([faults, entries, logs], [[], appended, TENANTS.length]);
    } finally {
      client.release(true);
      await auditing.close();
    }
  });
});
