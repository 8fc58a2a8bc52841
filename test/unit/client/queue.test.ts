import assert from 'node:assert/strict';
import {
  LogLine,
  LogLineError,
  type QueuedSpan,
  type QueueOptions,
  type QueueStore,
  SpansRefusedError,
} from '../../../client/src';
import { withClockAhead } from '../../support/clock';
import {
  answerOf,
  type ScriptedAnswer,
  type SentRequest,
  scriptedLedger,
} from '../../support/scripted-ledger';
import { until } from '../../support/until';

const note = (thing: string, more: object = {}) => ({
  entity_type: 'note',
  who: 'test',
  this: thing,
  ...more,
});

const spansIn = ({ bytes }: SentRequest): readonly { id: string; seq?: number; this: string }[] =>
  JSON.parse(Buffer.from(bytes).toString());

const stored: ScriptedAnswer = (request) =>
  answerOf(201, { spans: spansIn(request).map(({ id }) => ({ id, seq: 0, curr_hash: 'h' })) });

function queueOver(options: QueueOptions, ...answers: readonly ScriptedAnswer[]) {
  const { fetch, sent } = scriptedLedger(...answers);
  const client = new LogLine({ url: 'http://ledger.test', fetch, retry: { deadlineMs: 20 } });
  return {
    queue: client.queue(options),
    sent: () => sent.map((request) => spansIn(request).map((span) => span.this)),
  };
}

/** A ledger whose answers the test releases. */
function heldLedger() {
  const open: (() => void)[] = [];
  const answer: ScriptedAnswer = (request) =>
    new Promise((resolve) => {
      open.push(() =>
        resolve(answerOf(201, { spans: spansIn(request).map(({ id }) => ({ id, seq: 0, curr_hash: 'h' })) })),
      );
    });
  return { answer, open };
}

describe('the queue of the client', () => {
  it('asks for ids and hashes in place of the unused echo', async () => {
    const { fetch, sent } = scriptedLedger(stored);
    const queue = new LogLine({ url: 'http://ledger.test', fetch }).queue();
    await queue.add(note('one'));
    await queue.close();
    assert.deepEqual(
      sent.map(({ headers }) => headers.get('prefer')),
      ['return=minimal'],
    );
  });

  it('sends a batch when it is full by count, in the order of adding', async () => {
    const { queue, sent } = queueOver({ maxSpans: 3, maxWaitMs: 60_000 }, stored);
    for (let index = 0; index < 7; index += 1) await queue.add(note(String(index)));
    await until('two batches are sent', () => sent().length === 2);
    assert.equal(queue.size >= 1, true);
    await queue.flush();
    assert.deepEqual(sent(), [['0', '1', '2'], ['3', '4', '5'], ['6']]);
    assert.equal(queue.size, 0);
  });

  it('sends a batch when it is full by bytes, and a span that is larger alone', async () => {
    const { queue, sent } = queueOver({ maxBytes: 1_000, maxWaitMs: 60_000 }, stored);
    for (const thing of ['a', 'b'.repeat(2_000), 'c', 'd']) await queue.add(note(thing));
    await queue.flush();
    assert.deepEqual(sent(), [['a'], ['b'.repeat(2_000)], ['c', 'd']]);
  });

  it('sends spans that have waited long enough by itself', async () => {
    const { queue, sent } = queueOver({ maxWaitMs: 5 }, stored);
    await queue.add(note('a'));
    await until('it is sent', () => sent().length === 1 && queue.size === 0);
  });

  it('sends spans in time although the clock is set back meanwhile', async () => {
    const { queue, sent } = queueOver({ maxWaitMs: 5 }, stored);
    await withClockAhead(3_600_000, () => queue.add(note('a')));
    await until('it is sent', () => sent().length === 1 && queue.size === 0);
  });

  it('makes add wait while it is full, and drops nothing', async () => {
    const { answer, open } = heldLedger();
    const { queue, sent } = queueOver({ maxSpans: 2, maxQueued: 4 }, answer);
    for (let index = 0; index < 4; index += 1) await queue.add(note(String(index)));
    let isIn = false;
    const fifth = queue.add(note('4')).then(() => {
      isIn = true;
    });
    await until('the first batch is on its way', () => open.length === 1);
    const stop = AbortSignal.abort(new Error('no room'));
    await assert.rejects(queue.add(note('5'), { signal: stop }), /no room/);
    assert.deepEqual([isIn, queue.size], [false, 4]);
    open.shift()?.();
    await fifth;
    const flushed = queue.flush();
    await until('all are sent', () => {
      open.shift()?.();
      return queue.size === 0;
    });
    await flushed;
    assert.deepEqual(sent().flat(), ['0', '1', '2', '3', '4']);
  });

  it('makes add wait while it has too many bytes, and accepts a larger span alone', async () => {
    const { answer, open } = heldLedger();
    const { queue } = queueOver({ maxQueuedBytes: 1_000, maxWaitMs: 0 }, answer);
    await queue.add(note('large', { description: 'x'.repeat(2_000) }));
    let isIn = false;
    const second = queue.add(note('small')).then(() => {
      isIn = true;
    });
    await until('the first is on its way', () => open.length === 1);
    assert.equal(isIn, false);
    open.shift()?.();
    await second;
    await until('the second is on its way', () => open.length === 1);
    open.shift()?.();
    await queue.flush();
  });

  it('answers add only once the store has the span, and gives its room back when the store fails', async () => {
    const safe: ((error?: Error) => void)[] = [];
    const store: QueueStore = {
      open: async () => [],
      add: () =>
        new Promise((resolve, reject) => {
          safe.push((error) => (error === undefined ? resolve() : reject(error)));
        }),
      done: async () => undefined,
      close: async () => undefined,
    };
    const { queue, sent } = queueOver({ store, maxQueued: 1, maxWaitMs: 0 }, stored);
    const lost = queue.add(note('lost'));
    await until('the store is asked', () => safe.length === 1);
    safe.shift()?.(new Error('the disk is full'));
    await assert.rejects(lost, /the disk is full/);
    assert.equal(queue.size, 0);

    let isSafe = false;
    const kept = queue.add(note('kept')).then(() => {
      isSafe = true;
    });
    await until('the store is asked again', () => safe.length === 1);
    assert.deepEqual([isSafe, sent()], [false, []]);
    safe.shift()?.();
    await kept;
    await queue.flush();
    assert.deepEqual(sent(), [['kept']]);
  });

  it('admits waiting callers one by one and in order, whatever their number', async () => {
    const { answer, open } = heldLedger();
    const { queue, sent } = queueOver({ maxSpans: 2, maxQueued: 2, maxWaitMs: 0 }, answer);
    const names = Array.from({ length: 20 }, (_, index) => String(index));
    const added = Promise.all(names.map((name) => queue.add(note(name))));
    await until('all are sent', () => {
      assert.ok(queue.size <= 2);
      open.shift()?.();
      return sent().flat().length === 20;
    });
    await added;
    open.shift()?.();
    await queue.flush();
    assert.deepEqual(sent().flat(), names);
  });

  it('keeps unsent spans, reports them at flush, and sends them when the ledger is back', async () => {
    const stalls: unknown[] = [];
    const down = [503, 401, 500].map((status) => answerOf(status, { detail: 'no' }, { 'retry-after': '60' }));
    const { queue, sent } = queueOver({ onStalled: (error) => stalls.push(error) }, ...down, stored);
    await queue.add(note('a'));
    for (const status of [503, 401, 500]) {
      await assert.rejects(
        queue.flush(),
        (error) => error instanceof LogLineError && error.status === status,
      );
      assert.equal(queue.size, 1);
    }
    await queue.flush();
    assert.deepEqual([sent().length, queue.size, stalls.length], [4, 0, 3]);
  });

  it('reports a span that is refused, by callback or at flush, and stores the rest', async () => {
    const refusing: ScriptedAnswer = (request) => {
      const faulty = spansIn(request).findIndex((span) => span.this === 'bad');
      if (faulty === -1 && typeof stored === 'function') return stored(request);
      return answerOf(400, { errors: [{ pointer: `/${faulty}/this`, detail: 'is bad' }] });
    };
    const heard: string[] = [];
    const told = queueOver(
      { onRefused: ({ draft, error }) => heard.push(`${draft.this} ${error.errors[0]?.pointer}`) },
      refusing,
    );
    const untold = queueOver({}, refusing);
    for (const { queue } of [told, untold])
      for (const thing of ['a', 'bad', 'b']) await queue.add(note(thing));
    await told.queue.flush();
    assert.deepEqual(heard, ['bad /this']);
    await assert.rejects(untold.queue.flush(), (error) => {
      assert.ok(error instanceof SpansRefusedError);
      assert.deepEqual(
        error.refused.map(({ draft }) => (draft as { this: string }).this),
        ['bad'],
      );
      return true;
    });
    await untold.queue.flush();
    assert.deepEqual([told.queue.size, untold.queue.size, untold.sent().at(-1)], [0, 0, ['a', 'b']]);
  });

  it('with several batches in flight, never lets a version overtake the previous one', async () => {
    const { answer, open } = heldLedger();
    const { queue, sent } = queueOver({ maxSpans: 1, maxInFlight: 3 }, answer);
    const { id } = await queue.add(note('v0'));
    await queue.add(note('v1', { id, seq: 1 }));
    await queue.add(note('other'));
    await until('one batch is on its way', () => open.length === 1);
    assert.deepEqual(sent(), [['v0']]);
    const flushed = queue.flush();
    await until('all are sent', () => {
      open.shift()?.();
      return queue.size === 0;
    });
    await flushed;
    assert.deepEqual(sent(), [['v0'], ['v1'], ['other']]);
  });

  it('accepts nothing once closed, and closes by `await using`', async () => {
    const { queue, sent } = queueOver({ maxWaitMs: 60_000 }, stored);
    await queue.add(note('a'));
    await queue[Symbol.asyncDispose]();
    assert.deepEqual(sent(), [['a']]);
    await assert.rejects(queue.add(note('b')), /closed/);
  });

  it('sends spans of an earlier run in the store first, and removes stored ones from it', async () => {
    const done: number[] = [];
    const added: QueuedSpan[] = [];
    const store: QueueStore = {
      open: async () => [{ n: 7, text: JSON.stringify(note('left', { id: 'x' })) }],
      add: async (spans) => void added.push(...spans),
      done: async (numbers) => void done.push(...numbers),
      close: async () => undefined,
    };
    const { queue, sent } = queueOver({ store, maxWaitMs: 60_000 }, stored);
    await queue.add(note('new'));
    await queue.close();
    assert.deepEqual(sent().flat(), ['left', 'new']);
    assert.deepEqual([added.map(({ n }) => n), done], [[8], [7, 8]]);
  });

  it('names a bound that cannot be one', () => {
    assert.throws(
      () => queueOver({ maxSpans: 1_001 }, stored),
      /maxSpans must be a whole number from 1 to 1000/,
    );
    assert.throws(() => queueOver({ maxQueued: 0 }, stored), /maxQueued/);
  });
});
