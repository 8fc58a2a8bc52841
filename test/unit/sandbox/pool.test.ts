import assert from 'node:assert/strict';
import { SandboxBusyError, SandboxPool } from '../../../runtime/sandbox';
import { LaneQueue } from '../../../runtime/sandbox/lane-queue';
import { deferred, poolFor, SHORT, task } from './sandbox-fixture';

const TRIVIAL = 'function main(ctx, input) { return input; }';
const LOOP = 'function main() { for (;;); }';
/** Ends when the test answers its call. */
const WAIT = 'async function main(ctx) { return await ctx.sql`SELECT 1`; }';
const HELD = { cpuMs: 400, wallMs: 60_000 };
const LONG = { cpuMs: 60_000, wallMs: 60_000 };

describe('sandbox pool', () => {
  describe('with one tenant misbehaving', () => {
    const sandbox = poolFor({ size: 2, maxExtra: 0 });

    it('completes a run of another lane while one lane loops on every worker it may have', async () => {
      const stop = new AbortController();
      let looping = 0;
      const loops = Array.from({ length: 5 }, () => {
        looping++;
        const run = sandbox.run(LOOP, { lane: 'mallory', limits: LONG, signal: stop.signal });
        return run.finally(() => looping--);
      });
      assert.equal(await sandbox.output(TRIVIAL, { lane: 'alice', input: 1 }), 1);
      assert.equal(await sandbox.output(TRIVIAL, { lane: 'bob', input: 2 }), 2);
      assert.equal(looping, 5);
      stop.abort();
      const outcomes = await Promise.all(loops);
      assert.ok(outcomes.every((outcome) => !outcome.ok && outcome.error.code === 'aborted'));
    });

    it('recovers after every kind of abort', async () => {
      const aborting = [
        LOOP,
        'function main() { return main(); }',
        'function main() { const a = []; for (;;) a.push({}); }',
      ];
      for (const code of aborting) {
        const outcome = await sandbox.run(code, { limits: { ...SHORT, memoryBytes: 4 * 1024 * 1024 } });
        assert.equal(outcome.ok, false);
        assert.equal(await sandbox.output(TRIVIAL, { input: 'well' }), 'well');
      }
    });
  });

  describe('keeping its workers', () => {
    const sandbox = poolFor({ size: 1 });
    const probe = 'function main() { return performance.timeOrigin; }';

    it('reuses a warm worker for runs that end by themselves, well or not', async () => {
      const first = await sandbox.output(probe);
      await sandbox.run('function main() { throw new Error("x"); }');
      await sandbox.run('syntax error');
      assert.equal(await sandbox.output(probe), first);
    });

    it('replaces the worker after an aborted run', async () => {
      const first = await sandbox.output(probe);
      await sandbox.run(LOOP, { limits: SHORT });
      assert.notEqual(await sandbox.output(probe), first);
      assert.equal(sandbox.pool.workers, 1);
    });

    it('runs queued tasks in order of arrival', async () => {
      const ended: number[] = [];
      const numbers = [0, 1, 2, 3, 4, 5];
      await Promise.all(
        numbers.map(async (input) => ended.push(Number(await sandbox.output(TRIVIAL, { input })))),
      );
      assert.deepEqual(ended, numbers);
    });

    it('alternates between lanes, so that a backlog of one does not delay the other', async () => {
      const gate = deferred<null>();
      const ended: string[] = [];
      const note = async (lane: string) => {
        await sandbox.output(TRIVIAL, { lane });
        ended.push(lane);
      };
      const first = sandbox.output(WAIT, { lane: 'a', hostCall: () => gate.promise });
      const rest = ['a', 'a', 'a', 'b', 'b'].map(note);
      gate.resolve(null);
      await Promise.all([first, ...rest]);
      assert.deepEqual(ended.slice(0, 4).sort(), ['a', 'a', 'b', 'b']);
      assert.equal(ended.at(-1), 'a');
    });

    it('a lane that used much processor time comes after one that used little, however many its runs', async () => {
      await sandbox.run(LOOP, { lane: 'heavy', limits: { cpuMs: 200, wallMs: 60_000 } });
      const gate = deferred<null>();
      const ended: string[] = [];
      const note = async (lane: string) => {
        await sandbox.output(TRIVIAL, { lane });
        ended.push(lane);
      };
      const first = sandbox.output(WAIT, { lane: 'other', hostCall: () => gate.promise });
      const rest = [...Array(3).fill('heavy'), ...Array(6).fill('light')].map(note);
      gate.resolve(null);
      await Promise.all([first, ...rest]);
      assert.deepEqual(ended, [...Array(6).fill('light'), ...Array(3).fill('heavy')]);
    });
  });

  describe('with tenants whose runs take long', () => {
    const sandbox = poolFor({ size: 4, maxExtra: 0 });
    const HUNGRY = { cpuMs: 600, wallMs: 60_000 };

    it('a run of another tenant waits for none of them, once they are known', async () => {
      const lanes = Array.from({ length: 6 }, (_, index) => `hostile ${index}`);
      const stop = new AbortController();
      const loop = (lane: string) => sandbox.run(LOOP, { lane, limits: HUNGRY, signal: stop.signal });
      await Promise.all(lanes.map(loop));
      let ended = 0;
      const backlog = lanes
        .flatMap((lane) => Array(4).fill(lane))
        .map((lane) => loop(lane).finally(() => ended++));
      const before: number[] = [];
      for (let run = 0; run < 3; run += 1) {
        const endedBefore = ended;
        assert.equal(await sandbox.output(TRIVIAL, { lane: 'good', input: run }), run);
        before.push(ended - endedBefore);
      }
      stop.abort();
      // A run that waits for a worker sees one end first each time; one that waits for its turn sees six.
      assert.ok(Math.min(...before) === 0, String(before));
      await Promise.all(backlog);
    }).timeout(120_000);
  });

  describe('with more unknown tenants than workers', () => {
    const sandbox = poolFor({ size: 2, maxExtra: 3 });

    it("a new tenant does not wait for another's first runs, and extra workers end with their runs", async () => {
      const stop = new AbortController();
      let looping = 0;
      const loops = ['x', 'y', 'z'].map((lane) => {
        looping += 1;
        return sandbox.run(LOOP, { lane, limits: LONG, signal: stop.signal }).finally(() => looping--);
      });
      assert.equal(await sandbox.output(TRIVIAL, { lane: 'newcomer', input: 1 }), 1);
      assert.equal(looping, 3);
      assert.ok(sandbox.pool.workers > 2);
      stop.abort();
      await Promise.all(loops);
      assert.equal(await sandbox.output(TRIVIAL, { lane: 'newcomer', input: 2 }), 2);
      assert.equal(sandbox.pool.workers, 2);
    });

    it('has no more of them than it may', async () => {
      const stop = new AbortController();
      const lanes = Array.from({ length: 9 }, (_, index) => `unknown ${index}`);
      const loops = lanes.map((lane) => sandbox.run(LOOP, { lane, limits: HELD, signal: stop.signal }));
      const outcomes = await Promise.all(loops);
      assert.ok(outcomes.every((outcome) => !outcome.ok && outcome.error.code === 'cpu_limit'));
      assert.ok(sandbox.pool.workers <= 5, String(sandbox.pool.workers));
    }).timeout(60_000);
  });

  describe('with a full queue', () => {
    it('refuses at once with a busy error that maps to 503', async () => {
      const pool = new SandboxPool({ size: 1, maxQueue: 2, maxQueuePerLane: 2 });
      const gate = deferred<null>();
      const held = pool.run(task(WAIT, { hostCall: () => gate.promise }));
      const waiting = [pool.run(task(TRIVIAL)), pool.run(task(TRIVIAL))];
      await assert.rejects(pool.run(task(TRIVIAL)), (error: unknown) => {
        assert.ok(error instanceof SandboxBusyError);
        assert.deepEqual([error.code, error.status, error.retryAfterSeconds], ['busy', 503, 1]);
        return true;
      });
      gate.resolve(null);
      assert.ok((await Promise.all([held, ...waiting])).every((outcome) => outcome.ok));
      await pool.close();
    });

    it('keeps room for other lanes when one lane has filled its share', async () => {
      const queue = new LaneQueue<{ lane: string }>(4, 2);
      assert.deepEqual(
        ['a', 'a', 'a', 'b', 'c', 'd'].map((lane) => queue.push({ lane })),
        [true, true, false, true, true, false],
      );
      const order = Array.from({ length: 4 }, () => queue.take(() => true)?.lane);
      assert.deepEqual([order, queue.size, queue.take(() => true)], [['a', 'b', 'c', 'a'], 0, undefined]);
    });

    it('schedules by processor time, not by number of runs', () => {
      const queue = new LaneQueue<{ lane: string }>(20, 10);
      for (const lane of ['long', 'short']) for (let each = 0; each < 6; each += 1) queue.push({ lane });
      const order: (string | undefined)[] = [];
      for (let turn = 0; turn < 8; turn += 1) {
        const lane = queue.take(() => true)?.lane ?? '';
        order.push(lane);
        queue.charge(lane, lane === 'long' ? 500 : 100);
      }
      assert.deepEqual(order, ['long', 'short', 'short', 'short', 'short', 'short', 'long', 'short']);
    });

    it('a lane that returns after a pause has saved up no credit', () => {
      const queue = new LaneQueue<{ lane: string }>(20, 10);
      for (let turn = 0; turn < 5; turn += 1) {
        queue.push({ lane: 'steady' });
        assert.equal(queue.take(() => true)?.lane, 'steady');
        queue.charge('steady', 100);
      }
      for (const lane of ['late', 'steady']) for (let each = 0; each < 3; each += 1) queue.push({ lane });
      const order = Array.from({ length: 4 }, () => {
        const lane = queue.take(() => true)?.lane ?? '';
        queue.charge(lane, 100);
        return lane;
      });
      assert.deepEqual(order, ['late', 'steady', 'late', 'steady']);
    });

    it('passes over a lane that may not run now', () => {
      const queue = new LaneQueue<{ lane: string }>(4, 4);
      for (const lane of ['a', 'a', 'b']) queue.push({ lane });
      assert.equal(queue.take((lane) => lane !== 'a')?.lane, 'b');
      assert.equal(
        queue.take((lane) => lane !== 'a'),
        undefined,
      );
      assert.equal(queue.size, 2);
    });
  });

  describe('with an abort signal', () => {
    const sandbox = poolFor({ size: 1 });

    it('does not start a run whose signal is aborted already', async () => {
      await sandbox.error('aborted', TRIVIAL, { signal: AbortSignal.abort() });
    });

    it('ends a run that loops', async () => {
      const stop = new AbortController();
      const running = sandbox.error(
        'aborted',
        `async function main(ctx) { await ctx.sql\`SELECT 1\`; for (;;); }`,
        {
          signal: stop.signal,
          limits: LONG,
          hostCall: async () => {
            setImmediate(() => stop.abort());
            return null;
          },
        },
      );
      await running;
      assert.equal(await sandbox.output(TRIVIAL, { input: 1 }), 1);
    });

    it('takes a run out of the queue', async () => {
      const gate = deferred<null>();
      const held = sandbox.output(WAIT, { hostCall: () => gate.promise });
      const stop = new AbortController();
      const waiting = sandbox.error('aborted', TRIVIAL, { signal: stop.signal });
      assert.equal(sandbox.pool.waiting, 1);
      stop.abort();
      await waiting;
      assert.equal(sandbox.pool.waiting, 0);
      gate.resolve(null);
      await held;
    });
  });

  describe('closing', () => {
    it('ends running, waiting and later runs as aborted', async () => {
      const pool = new SandboxPool({ size: 1 });
      const started = deferred<null>();
      const hostCall = () => {
        started.resolve(null);
        return new Promise<null>(() => {});
      };
      const running = pool.run(task(WAIT, { hostCall, limits: LONG }));
      const waiting = pool.run(task(TRIVIAL));
      await started.promise;
      await pool.close();
      for (const outcome of [await running, await waiting, await pool.run(task(TRIVIAL))]) {
        assert.equal(outcome.ok ? 'ok' : outcome.error.code, 'aborted');
      }
      assert.equal(pool.workers, 0);
    });

    it('ends a run whose worker is only starting', async () => {
      const pool = new SandboxPool({ size: 1 });
      const running = pool.run(task(TRIVIAL));
      await pool.close();
      const outcome = await running;
      assert.equal(outcome.ok ? 'ok' : outcome.error.code, 'aborted');
    });

    it('may be asked twice', async () => {
      const pool = new SandboxPool();
      await pool.warm();
      await Promise.all([pool.close(), pool.close()]);
      await pool.close();
    });
  });

  it('does not keep the process alive when idle', async () => {
    const { spawnSync } = await import('node:child_process');
    const script = `const { SandboxPool } = require('./runtime/sandbox');
      new SandboxPool().run({ code: 'function main() { return 1 }', entry: 'main', input: null, env: {}, hostCall: async () => null })
        .then((o) => console.log(o.ok));`;
    const { stdout, status } = spawnSync(
      process.execPath,
      ['-r', 'ts-node/register/transpile-only', '-e', script],
      {
        encoding: 'utf8',
        timeout: 20_000,
      },
    );
    assert.deepEqual([stdout.trim(), status], ['true', 0]);
  });
});
