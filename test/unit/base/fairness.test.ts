import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { ShareUsedUpError, UnavailableError } from '../../../runtime/base/errors';
import { FairShares, Reservation } from '../../../runtime/base/fair-shares';
import { FairTurns, TURN_BYTES } from '../../../runtime/base/fair-turns';
import { TenantQueue } from '../../../runtime/base/tenant-queue';
import { createFairness } from '../../../runtime/stage0/fairness';

describe('a queue by tenant', () => {
  it('serves tenants in turn, and each tenant first in, first out', () => {
    const queue = new TenantQueue<string>();
    for (const item of ['a1', 'a2', 'a3', 'a4']) queue.push('a', item);
    queue.push('b', 'b1');
    queue.push('c', 'c1');
    const order = Array.from({ length: 7 }, () => queue.take());
    assert.deepEqual(order, ['a1', 'b1', 'c1', 'a2', 'a3', 'a4', undefined]);
    assert.equal(queue.length, 0);
  });

  it('passes over a tenant whose next thing may not go', () => {
    const queue = new TenantQueue<number>();
    queue.push('a', 10);
    queue.push('b', 1);
    assert.equal(
      queue.take((size) => size < 5),
      1,
    );
    assert.equal(
      queue.take((size) => size < 5),
      undefined,
    );
    assert.equal(queue.length, 1);
  });
});

describe('turns of the thread that serves', () => {
  afterEach(() => mock.timers.reset());

  it('come at once while there is little to do', () => {
    const turns = new FairTurns();
    for (let count = 0; count < 128; count += 1) assert.equal(turns.take('a', TURN_BYTES / 128), undefined);
    assert.equal(turns.turns, 0);
  });

  it('let one tenant wait for a piece of another, and not for all of them', async () => {
    const turns = new FairTurns();
    const order: string[] = [];
    const work = async (name: string, pieces: number) => {
      for (let piece = 0; piece < pieces; piece += 1) {
        await turns.take(name[0] ?? '', TURN_BYTES);
        order.push(name);
      }
    };
    await Promise.all([...Array.from({ length: 20 }, (_, index) => work(`a${index}`, 5)), work('b', 5)]);
    const pieces = order.indexOf('b') + 1;
    assert.ok(pieces <= 3, `b began after ${pieces} pieces`);
    assert.ok(
      order.lastIndexOf('b') <= 11,
      `b ended after ${order.lastIndexOf('b')} of ${order.length} pieces`,
    );
  });

  it('go by bytes: many small pieces of one tenant wait for one large piece of another, not for one each', async () => {
    const turns = new FairTurns();
    const order: string[] = [];
    const work = async (name: string, pieces: number, bytes: number) => {
      for (let piece = 0; piece < pieces; piece += 1) {
        await turns.take(name, bytes);
        order.push(name);
      }
    };
    // Running pages of a reader of large spans, and a page of twenty small ones.
    await Promise.all([
      ...Array.from({ length: 4 }, () => work('large', 4, 16 * TURN_BYTES)),
      work('small', 20, 700),
    ]);
    const before = order.slice(0, order.lastIndexOf('small')).filter((name) => name === 'large').length;
    assert.ok(before <= 2, `${before} large pieces went before the last small one`);
  });

  it('let a tenant that has work waiting rest for one that has none, and serve that one meanwhile', async () => {
    const rests: number[] = [];
    let isOver = false;
    const turns = new FairTurns({
      restMs: () => (rests.length === 0 ? rests.push(100) * 100 : 0),
      rested() {
        isOver = true;
      },
    });
    const order: string[] = [];
    const work = async (name: string, pieces: number, bytes: number) => {
      for (let piece = 0; piece < pieces; piece += 1) {
        await turns.take(name, bytes);
        order.push(`${name}${isOver ? '' : ' in the rest'}`);
      }
    };
    await turns.take('light', 1);
    const heavy = Promise.all([work('heavy', 2, TURN_BYTES), work('heavy', 2, TURN_BYTES)]);
    // The turn at whose end the rest begins.
    await new Promise(setImmediate);
    await work('light', 3, TURN_BYTES);
    await heavy;
    assert.equal(rests.length, 1);
    assert.equal(isOver, true);
    assert.ok(order.includes('light in the rest'), order.join());
    // One was served in the turn at whose end the rest began.
    assert.equal(order.filter((name) => name === 'heavy').length, 3, order.join());
  });

  it('serve a little work of a tenant in a turn that another has used up, though not much of it', async () => {
    const turns = new FairTurns();
    assert.equal(turns.take('heavy', 16 * TURN_BYTES), undefined);
    const waits = turns.take('heavy', 1);
    assert.ok(waits instanceof Promise, 'its own turn is used up');
    for (let count = 0; count < 8; count += 1) assert.equal(turns.take('light', 1024), undefined);
    assert.ok(turns.take('light', 1024) instanceof Promise, 'it has had its little work');
    await waits;
  });

  it('have room for little work in each turn anew', async () => {
    const turns = new FairTurns();
    const little = () => Array.from({ length: 8 }, (_, n) => turns.take(`light ${n}`, 8 * 1024));
    assert.equal(turns.take('heavy', 16 * TURN_BYTES), undefined);
    const next = turns.take('heavy', 16 * TURN_BYTES);
    assert.deepEqual(new Set(little()), new Set([undefined]));
    await next;
    assert.deepEqual(new Set(little()), new Set([undefined]));
  });

  it('serve little work of any number of tenants beyond a turn, up to the work of another turn', () => {
    const turns = new FairTurns();
    assert.equal(turns.take('heavy', TURN_BYTES), undefined);
    const served = Array.from({ length: 100 }, (_, n) => turns.take(`light ${n}`, 1024)).filter(
      (pause) => pause === undefined,
    );
    assert.equal(served.length, TURN_BYTES / 1024);
  });

  it('let nobody rest whose little work waits when the rest begins', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const asked: string[] = [];
    let isOver = false;
    const turns = new FairTurns({
      restMs: () => (asked.push('rest') === 1 ? 60_000 : 0),
      rested() {
        isOver = true;
      },
    });
    // Has nothing waiting, so that others rest for it.
    await turns.take('idle', 1);
    assert.equal(await turns.take('heavy', 16 * TURN_BYTES), undefined);
    void turns.take('heavy', TURN_BYTES);
    void turns.take('heavy', TURN_BYTES);
    // More than it may do in a turn that another has used up.
    const light = turns.take('light', 16 * 1024);
    assert.ok(light instanceof Promise);
    await light;
    assert.deepEqual([turns.rests, isOver], [1, false]);
    mock.timers.tick(60_000);
    assert.equal(isOver, true);
  });

  it('let a tenant never rest that is alone', async () => {
    let asked = 0;
    const turns = new FairTurns({
      restMs: () => {
        asked += 1;
        return 1;
      },
      rested: () => undefined,
    });
    const work = async (name: string) => {
      for (let piece = 0; piece < 8; piece += 1) await turns.take(name, TURN_BYTES);
    };
    await Promise.all(['a', 'a', 'a'].map(work));
    assert.equal(asked, 0);
  });

  it('cut a large work into as many turns as it has pieces', async () => {
    const turns = new FairTurns();
    // The largest request, 4 MiB; a turn is 2 ms of it.
    for (let piece = 0; piece < 256; piece += 1) await turns.take('a', 16 * 1024);
    assert.ok(turns.turns >= 60, `${turns.turns} turns`);
  });
});

describe('shares of something scarce', () => {
  const options = { what: 'seats', capacity: 8, maxWaiting: 2, maxWaitMs: 20 };

  it('leave a half free for others when one tenant takes all it can', async () => {
    const shares = new FairShares(options);
    await Promise.all([1, 2, 3, 4].map(() => shares.take('a', 1)));
    const fifth = shares.take('a', 1);
    await Promise.all([1, 2].map(() => shares.take('b', 1)));
    await shares.take('c', 1);
    assert.equal(shares.held, 7);
    await assert.rejects(fifth, ShareUsedUpError);
  });

  it('of bytes keep room for a small request, however many tenants take large ones', async () => {
    const shares = new FairShares({ what: 'bytes', capacity: 800, maxWaiting: 0, keepsRoom: true });
    const large = await Promise.allSettled(Array.from({ length: 50 }, (_, n) => shares.take(`t${n}`, 100)));
    assert.ok(large.filter(({ status }) => status === 'fulfilled').length >= 6);
    await shares.take('small', 1);
  });

  it('are 503 when no other tenant is active, and 429 with RateLimit when others are', async () => {
    const shares = new FairShares({ ...options, maxWaiting: 0 });
    await shares.take('a', 4);
    await assert.rejects(
      shares.take('a', 1),
      (error) => error instanceof UnavailableError && error.retryAfterSeconds === 1,
    );
    await shares.take('b', 1);
    await assert.rejects(
      shares.take('a', 1),
      (error) => error instanceof ShareUsedUpError && error.rateLimit?.policy === 'seats',
    );
  });

  it('are refused later where they say so, in any number up to a bound, and at once beyond it', async () => {
    const shares = new FairShares({ what: 'seats', capacity: 2, maxWaiting: 0, refusedAfterMs: 1_000 });
    await shares.take('a', 1);
    const { timers } = mock;
    timers.enable({ apis: ['setTimeout'] });
    try {
      let refused = 0;
      const all = Array.from({ length: 2_010 }, () =>
        shares.take('a', 1).catch((error) => {
          assert.ok(error instanceof UnavailableError);
          refused += 1;
        }),
      );
      await new Promise(setImmediate);
      assert.equal(refused, 10);
      timers.tick(1_000);
      await Promise.all(all);
      assert.equal(refused, 2_010);
      const next = shares.take('a', 1).catch(() => 'refused');
      assert.equal(
        await Promise.race([next, new Promise((resolve) => setImmediate(resolve, 'held'))]),
        'held',
      );
      timers.tick(1_000);
      assert.equal(await next, 'refused');
    } finally {
      timers.reset();
    }
  });

  for (const [isShared, outcome] of [
    [true, 'held'],
    [false, 'refused'],
  ] as const)
    it(`are ${outcome} at first where ${isShared ? 'many requests are' : 'one request is'} served at a time`, async () => {
      mock.timers.enable({ apis: ['setTimeout'] });
      try {
        const { appends } = createFairness({ isShared, appends: 2 });
        await appends.take('a', 1);
        const waiting = Array.from({ length: 1_000 }, () => appends.take('a', 1));
        void Promise.allSettled(waiting);
        const next = appends.take('a', 1).catch(() => 'refused');
        assert.equal(
          await Promise.race([next, new Promise((resolve) => setImmediate(resolve, 'held'))]),
          outcome,
        );
      } finally {
        mock.timers.reset();
      }
    });

  it('what comes later does not go before what waits', async () => {
    const shares = new FairShares({ ...options, maxWaitMs: 5_000 });
    const release = await shares.take('a', 3);
    const order: string[] = [];
    const large = shares.take('a', 3).then(() => order.push('large'));
    const small = shares.take('a', 1).then(() => order.push('small'));
    assert.equal(shares.waiting, 2);
    release();
    await Promise.all([large, small]);
    assert.deepEqual(order, ['large', 'small']);
  });

  it('go back, once, and to the tenant whose turn it is', async () => {
    const shares = new FairShares({ ...options, maxWaiting: 5, maxWaitMs: 5_000 });
    const releases = await Promise.all([1, 2, 3, 4].map(() => shares.take('a', 1)));
    const order: string[] = [];
    const waiting = [
      shares.take('a', 1).then(() => order.push('a')),
      shares.take('b', 5).then(() => order.push('b')),
    ];
    for (const release of releases) {
      release();
      release();
    }
    await Promise.all(waiting);
    assert.deepEqual(order.sort(), ['a', 'b']);
    assert.equal(shares.held, 6);
  });

  it('a reservation that grows holds its largest, and gives all of it back', async () => {
    const shares = new FairShares(options);
    const reservation = new Reservation(shares, 'a');
    await reservation.atLeast(2);
    await reservation.atLeast(1);
    await reservation.atLeast(3);
    assert.equal(shares.held, 3);
    reservation.release();
    assert.equal(shares.held, 0);
  });
});
