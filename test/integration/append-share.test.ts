import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { openHttpHost } from '../../local/http-host';
import { memoryOf } from '../../runtime/stage0/fairness';
import { spanTextsOfJson } from '../../runtime/stage0/span-texts';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';
import { until } from '../support/until';

const MIB = 1024 * 1024;

describe('a running append', () => {
  const note = { entity_type: 'note', who: 'alice', this: 'hello' };
  let stage0: TestStage0;
  let token: string;

  before(async () => {
    stage0 = await createTestStage0();
    token = await stage0.token('alice', 'acme');
  });
  after(() => stage0.close());

  it('is counted by spans and values, too: a thousand small spans take a hundred times their bytes', () => {
    const of = (body: unknown): number =>
      memoryOf(spanTextsOfJson(Buffer.from(JSON.stringify(body)), () => {}).texts);
    assert.ok(of(Array.from({ length: 1_000 }, () => note)) > 5 * MIB);
    assert.ok(of({ ...note, metadata: Array.from({ length: 48_000 }, () => ({})) }) > 3 * MIB);
    assert.ok(of(note) < 8 * 1024);
  });

  it('waits for memory within the share of its tenant, while others are served', async () => {
    const release = await fillShare();
    const order: string[] = [];
    const waiting = post('waits').then(() => order.push('waited'));
    await forWaiting(1);
    const other = await stage0.token('bob', 'other');
    const answer = await stage0.call('/api/spans', { method: 'POST', token: other, body: note });
    assert.equal(answer.status, 201);
    order.push('released');
    release();
    await waiting;
    assert.deepEqual(order, ['released', 'waited']);
    assert.equal(stage0.fairness.spans.held, 0);
  });

  const gzipped = { 'content-encoding': 'gzip', 'content-type': 'application/json' };
  const large = JSON.stringify({ ...note, description: 'x'.repeat(500_000) });
  const bodies: readonly (readonly [
    what: string,
    path: string,
    raw: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string>,
  ])[] = [
    ['its announced length', '/api/spans', large, { 'content-length': String(large.length) }],
    ['the largest one, once an unannounced one passes 64 KiB', '/api/spans', large, {}],
    ['the largest one, unpacked', '/api/spans', new Uint8Array(gzipSync(JSON.stringify(note))), gzipped],
    [
      'the announced length of an input',
      `/api/execute/${randomUUID()}`,
      JSON.stringify({ input: 'x'.repeat(500_000) }),
      { 'content-length': '500012' },
    ],
  ];
  for (const [what, path, raw, headers] of bodies) {
    it(`waits for room for its body, ${what}, while others are served`, async () => {
      const release = await stage0.fairness.bodies.take('acme', 16 * MIB - 128 * 1024);
      let isAnswered = false;
      const waiting = stage0.call(path, { token, raw, headers }).finally(() => {
        isAnswered = true;
      });
      await until('it waits for room', () => stage0.fairness.bodies.waiting === 1);
      const other = await stage0.token('bob', 'other');
      const answer = await stage0.call('/api/spans', { token: other, body: note });
      assert.equal(answer.status, 201);
      assert.equal(isAnswered, false);
      release();
      await waiting;
      assert.equal(stage0.fairness.bodies.held, 0);
    });
  }

  it('takes no slot while its body is half sent', async () => {
    const host = await openHttpHost(0, '127.0.0.1');
    host.serve(stage0.fetch);
    const sockets = Array.from({ length: 40 }, () => connect(host.port, '127.0.0.1'));
    try {
      for (const socket of sockets) {
        socket.on('error', () => undefined);
        socket.write(
          `POST /api/spans HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{`,
        );
      }
      while (stage0.fairness.appends.held < sockets.length) await delay(5);
      assert.equal(stage0.fairness.work.held, 0);
      assert.equal((await post('beside slow callers')).status, 201);
    } finally {
      for (const socket of sockets) socket.destroy();
      await host.close(0);
    }
  });

  it('has its slot before its body is split into spans, which takes more memory than the body', async () => {
    const release = await stage0.fairness.work.take('acme', 32);
    try {
      const raw = '[1,';
      const waiting = stage0.call('/api/spans', {
        token,
        raw,
        headers: { 'content-type': 'application/json' },
      });
      await until('it waits for a slot', () => stage0.fairness.work.waiting === 1);
      release();
      assert.equal((await waiting).status, 400);
    } finally {
      release();
    }
  });

  it('is one of at most half of the slots for its tenant, while others are served', async () => {
    const release = await stage0.fairness.work.take('acme', 32);
    const order: string[] = [];
    const waiting = post('waits for a place').then(() => order.push('waited'));
    while (stage0.fairness.work.waiting < 1) await delay(5);
    const other = await stage0.token('bob', 'other');
    const answer = await stage0.call('/api/spans', { method: 'POST', token: other, body: note });
    assert.equal(answer.status, 201);
    order.push('released');
    release();
    await waiting;
    assert.deepEqual(order, ['released', 'waited']);
    assert.equal(stage0.fairness.work.held, 0);
  });

  it('is dropped when its caller disconnects while waiting', async () => {
    const release = await fillShare();
    const host = await openHttpHost(0, '127.0.0.1');
    const gone = new Promise((resolve) => {
      host.serve((request) => {
        request.signal.addEventListener('abort', resolve);
        return stage0.fetch(request);
      });
    });
    try {
      const body = JSON.stringify({ ...note, this: 'gone' });
      const socket = connect(host.port, '127.0.0.1');
      await once(socket, 'connect');
      socket.write(
        `POST /api/spans HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
      await forWaiting(1);
      socket.destroy();
      await gone;
      release();
      // Later requests of the tenant are served later.
      assert.equal((await post('later')).status, 201);
      const { body: page } = await stage0.call('/api/timeline', { token });
      const stored = page.spans.map((span: { this: string }) => span.this);
      assert.ok(stored.includes('later') && !stored.includes('gone'), stored.join());
    } finally {
      release();
      await host.close(0);
    }
  });

  function post(text: string) {
    return stage0.call('/api/spans', { method: 'POST', token, body: { ...note, this: text } });
  }

  /** Occupies the tenant's whole share. */
  function fillShare(): Promise<() => void> {
    // A tenant alone holds at most half; a quarter is guaranteed.
    return stage0.fairness.spans.take('acme', 2 * stage0.fairness.spans.guaranteed);
  }

  async function forWaiting(count: number): Promise<void> {
    while (stage0.fairness.spans.waiting < count) await delay(5);
  }
});
