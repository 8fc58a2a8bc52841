import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { median } from '../../bench/harness/statistics';
import { noisyReport } from './noisy-report';
import type { Calls, Phase, Round } from './noisy-round';
import { startAttack } from './running-attack';
import { Tenant } from './tenant';

const ROOT = path.join(__dirname, '..', '..');

describe('an attack of npm run noisy', () => {
  let server: Server;
  let bad: Tenant;

  before(async () => {
    server = createServer(() => {
      // Never answers, like a blocked server.
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    bad = new Tenant(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 'token');
  });

  after(() => {
    server.closeAllConnections();
    server.close();
  });

  it('is measured after its time, also when it cannot be prepared, and is ended', async () => {
    const attack = await startAttack('queued-loops', bad, { begunWithinMs: 200, maxMs: 60_000 });
    await attack.stop();
    assert.throws(() => process.kill(attack.pid ?? 0, 0), { code: 'ESRCH' });
  });

  it('ends with its parent, however that ended', async () => {
    const attacker = attackerFor(60_000);
    await once(server, 'request');
    attacker.disconnect();
    const [code] = await once(attacker, 'exit');
    assert.equal(code, 0);
  });

  it('ends after its time, even while its parent runs', async () => {
    const [code] = await once(attackerFor(100), 'exit');
    assert.equal(code, 0);
  });

  function attackerFor(maxMs: number): ChildProcess {
    return spawn(
      process.execPath,
      [
        '--require',
        path.join(ROOT, 'cli', 'register-typescript.js'),
        path.join(__dirname, 'attacker.ts'),
        'queued-loops',
      ],
      {
        env: { ...process.env, NOISY_URL: bad.url, NOISY_TOKEN: 'token', NOISY_MAX_MS: String(maxMs) },
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      },
    );
  }
});

describe('the report of npm run noisy', () => {
  it('shows medians of the rounds, and misses a bound of any kind', () => {
    const quiet = phase([10, 10, 10], 90);
    const round = (during: Phase, memoryBackS: number | undefined): Round => ({
      before: quiet,
      during,
      after: quiet,
      memoryBackS,
    });
    const slow = round(phase([60, 80, 100], 500, 2), undefined);
    const calm = round(phase([20, 20, 20], 100), 10);
    const { tables, goals } = noisyReport(
      new Map([
        ['slow', [slow, slow, calm]],
        ['calm', [calm]],
      ]),
    );
    const missed = goals.filter(({ met }) => !met).map(({ what }) => what);
    assert.deepEqual(missed, [
      'slow: posting, p99 during and 5 s after',
      'slow: reading, p99 during and 5 s after',
      'slow: 5xx of the good tenant',
      'slow: memory of the API',
    ]);
    assert.deepEqual(tables[0]?.rows[0]?.slice(0, 4), [
      'slow',
      'posting',
      '10 / 10',
      `${median([80, 80, 20])} / 99.6`,
    ]);
  });

  function phase(ms: readonly number[], api: number, failed = 0): Phase {
    const calls = (): Calls => ({ ms: [...ms], refused: 0, failed });
    return {
      works: { posting: calls(), reading: calls(), executing: calls() },
      most: { api, kernels: 150, postgres: 60 },
    };
  }
});
