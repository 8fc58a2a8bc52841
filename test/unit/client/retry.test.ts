import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LogLine, LogLineError } from '../../../client/src';
import { jitteredDelayMs } from '../../../client/src/transport';
import { FAR_AHEAD_MS, withClock } from '../../support/clock';
import { answerOf, type ScriptedAnswer, scriptedLedger } from '../../support/scripted-ledger';

const URL = 'http://ledger.test';
const DRAFT = { entity_type: 'note', who: 'test', this: 'a thing' };
const STORED = answerOf(201, { success: true, span: { id: 'x', seq: 0, curr_hash: 'y' } });
const NOW = { 'retry-after': '0' };

const rejection = async (work: Promise<unknown>): Promise<LogLineError> => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof LogLineError, String(error));
  return error;
};

describe('the client, when something goes wrong', () => {
  for (const status of [408, 429, 500, 502, 503]) {
    it(`sends an append again after ${status}, with the same id and time`, async () => {
      const ledger = scriptedLedger(answerOf(status, {}, NOW), STORED);
      await new LogLine({ url: URL, fetch: ledger.fetch }).append(DRAFT);
      const [first, second] = ledger.sent.map(({ bytes }) => JSON.parse(Buffer.from(bytes).toString()));
      assert.equal(ledger.sent.length, 2);
      assert.deepEqual(first, second);
      assert.match(first.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      assert.equal(new Date(first.at).toISOString(), first.at);
    });
  }

  it('retries an append without an answer', async () => {
    const ledger = scriptedLedger(new TypeError('fetch failed'), STORED);
    await new LogLine({ url: URL, fetch: ledger.fetch }).append(DRAFT);
    assert.equal(ledger.sent.length, 2);
  });

  for (const status of [400, 403, 404, 409, 413, 422]) {
    it(`gives up at once after ${status}, with the ledger's error`, async () => {
      const errors = [{ pointer: '/who', detail: 'is required' }];
      const ledger = scriptedLedger(
        answerOf(status, { type: 'urn:logline:problem:x', detail: 'no', errors }, { 'x-request-id': 'r1' }),
      );
      const error = await rejection(new LogLine({ url: URL, fetch: ledger.fetch }).append(DRAFT));
      assert.deepEqual(
        [error.status, error.type, error.errors, error.requestId],
        [status, 'urn:logline:problem:x', errors, 'r1'],
      );
      assert.equal(ledger.sent.length, 1);
    });
  }

  it('gives up when Retry-After lies past the deadline', async () => {
    const ledger = scriptedLedger(answerOf(503, { detail: 'busy' }, { 'retry-after': '90' }));
    const error = await rejection(new LogLine({ url: URL, fetch: ledger.fetch }).append(DRAFT));
    assert.deepEqual([error.status, error.retryAfterMs, ledger.sent.length], [503, 90_000, 1]);
  });

  it('retries until its deadline although the clock is set meanwhile', async () => {
    const ledger = scriptedLedger(answerOf(503, {}, NOW), STORED);
    const client = new LogLine({ url: URL, fetch: ledger.fetch });
    let aheadMs = 0;
    await withClock(
      (realMs) => {
        aheadMs += FAR_AHEAD_MS;
        return realMs + aheadMs;
      },
      () => client.append(DRAFT),
    );
    assert.equal(ledger.sent.length, 2);
  });

  it('gives up at its deadline without an answer', async () => {
    const ledger = scriptedLedger(new TypeError('fetch failed'));
    const client = new LogLine({ url: URL, fetch: ledger.fetch, retry: { deadlineMs: 50 } });
    const error = await rejection(client.append(DRAFT));
    assert.deepEqual([error.status, error.type], [0, 'network']);
  });

  it('retries a run only when the ledger reports that it did not begin', async () => {
    const done = answerOf(200, { result: 1, execution: { id: 'e' } });
    const run = (...answers: readonly ScriptedAnswer[]) => {
      const ledger = scriptedLedger(...answers);
      return { ledger, done: new LogLine({ url: URL, fetch: ledger.fetch }).execute('f') };
    };
    assert.equal((await run(answerOf(429, {}, NOW), done).done).result, 1);
    assert.equal((await run(answerOf(503, { began: false }, NOW), done).done).result, 1);
    for (const answer of [answerOf(503, {}, NOW), answerOf(500, {}, NOW), new TypeError('fetch failed')]) {
      const { ledger, done: failed } = run(answer, done);
      await rejection(failed);
      assert.equal(ledger.sent.length, 1);
    }
  });

  it('requests a new token once at 401, if it has a token function', async () => {
    const tokens = ['old', 'new', 'newer'];
    const ledger = scriptedLedger(answerOf(401, {}), STORED, answerOf(401, {}));
    const client = new LogLine({ url: URL, fetch: ledger.fetch, token: () => tokens.shift() ?? '' });
    await client.append(DRAFT);
    assert.equal((await rejection(client.append(DRAFT))).status, 401);
    assert.deepEqual(
      ledger.sent.map(({ headers }) => headers.get('authorization')),
      ['Bearer old', 'Bearer new', 'Bearer new', 'Bearer newer'],
    );
    const fixed = scriptedLedger(answerOf(401, {}));
    assert.equal(
      (await rejection(new LogLine({ url: URL, fetch: fixed.fetch, token: 't' }).append(DRAFT))).status,
      401,
    );
    assert.equal(fixed.sent.length, 1);
  });

  it('requests a token again after its function failed', async () => {
    const ledger = scriptedLedger(STORED);
    const tokens = [() => Promise.reject(new Error('no network')), () => 'good'];
    const client = new LogLine({ url: URL, fetch: ledger.fetch, token: () => tokens.shift()?.() ?? '' });
    await assert.rejects(client.append(DRAFT), /no network/);
    await client.append(DRAFT);
    assert.deepEqual(
      ledger.sent.map(({ headers }) => headers.get('authorization')),
      ['Bearer good'],
    );
  });

  it('follows no redirect, so that no other host gets its token', async () => {
    const asked: (string | undefined)[] = [];
    const elsewhere = createServer(({ headers }, response) => {
      asked.push(headers.authorization);
      response.end('{}');
    });
    const ledger = createServer((_request, response) => {
      const { port } = elsewhere.address() as AddressInfo;
      response.writeHead(307, { location: `http://127.0.0.1:${port}/` }).end();
    });
    try {
      for (const server of [elsewhere, ledger]) await once(server.listen(0, '127.0.0.1'), 'listening');
      const url = `http://127.0.0.1:${(ledger.address() as AddressInfo).port}`;
      const error = await rejection(new LogLine({ url, token: 't' }).append(DRAFT));
      assert.deepEqual([error.type, asked], ['redirect', []]);
    } finally {
      for (const server of [elsewhere, ledger]) {
        server.closeAllConnections();
        server.close();
      }
    }
  });

  it("takes a tenant's URL from its own configuration only", async () => {
    const ledger = scriptedLedger(STORED);
    const url = { acme: 'http://one.test/', umbrella: 'http://two.test' };
    await new LogLine({ url, tenant: 'acme', fetch: ledger.fetch }).append(DRAFT);
    assert.equal(ledger.sent[0]?.url, 'http://one.test/api/spans');
    for (const tenant of ['other', 'toString', undefined]) {
      assert.throws(
        () => new LogLine({ url, ...(tenant === undefined ? {} : { tenant }) }),
        /no url for tenant/,
      );
    }
    assert.throws(() => new LogLine({ url: 'ftp://x' }), /url must be like/);
  });

  it('sends back the position that an append was answered with, when it reads', async () => {
    const ledger = scriptedLedger(
      answerOf(201, { span: { id: 'x' } }, { 'x-logline-position': 'p1' }),
      answerOf(200, { spans: [], has_more: false }),
    );
    const client = new LogLine({ url: URL, fetch: ledger.fetch });
    await client.append(DRAFT);
    for await (const _ of client.timeline()) assert.fail('there is nothing');
    assert.equal(ledger.sent[1]?.headers.get('x-logline-at-least'), 'p1');
  });

  it('stops at once when its signal aborts, with the reason of the signal', async () => {
    const controller = new AbortController();
    const ledger = scriptedLedger(() => {
      controller.abort(new Error('enough'));
      return answerOf(503, {}, { 'retry-after': '5' });
    });
    const client = new LogLine({ url: URL, fetch: ledger.fetch });
    await assert.rejects(client.append(DRAFT, { signal: controller.signal }), /enough/);
  });

  it('waits at random between nothing and twice as long each time, up to 8 s', () => {
    for (const [attempt, most] of [
      [0, 200],
      [3, 1_600],
      [6, 8_000],
      [40, 8_000],
    ] as const) {
      const delays = Array.from({ length: 500 }, () => jitteredDelayMs(attempt));
      assert.ok(delays.every((ms) => ms >= 0 && ms <= most));
      assert.ok(Math.max(...delays) > most / 2 && Math.min(...delays) < most / 2);
    }
  });
});
