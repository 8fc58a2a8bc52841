import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { SPAN_COLUMNS } from '../../runtime/base/span';
import { verifySpan } from '../../runtime/ledger/span-signature';
import { spanOfBytes } from '../support/span-of-bytes';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

const MIB = 1024 * 1024;
const good = { entity_type: 'note', who: 'alice', this: 'hello' };

describe('POST /api/spans takes', () => {
  let stage0: TestStage0;
  let token: string;
  before(async () => {
    stage0 = await createTestStage0();
    token = await stage0.token('alice', 'acme');
  });
  after(() => stage0.close());

  it('a span of exactly 1 MiB, and 1000 spans at once', async () => {
    const large = await stage0.call('/api/spans', { token, body: spanOfBytes(MIB) });
    assert.equal(large.status, 201, JSON.stringify(large.body).slice(0, 300));
    assert.deepEqual(verifySpan(large.body.span), { ok: true });
    const many = Array.from({ length: 1_000 }, (_, index) => ({ ...good, this: String(index) }));
    const answer = await stage0.call('/api/spans', { token, body: many });
    assert.equal(answer.status, 201);
    assert.equal(answer.body.count, 1_000);
    assert.deepEqual(
      answer.body.spans.map((span: { this: string }) => span.this),
      many.map((span) => span.this),
    );
  });

  it('a span of exactly 50,000 JSON values', async () => {
    const metadata = Array.from({ length: 49_995 }, () => ({}));
    const answer = await stage0.call('/api/spans', { token, body: { ...good, metadata } });
    assert.equal(answer.status, 201, JSON.stringify(answer.body).slice(0, 300));
    assert.deepEqual(verifySpan(answer.body.span), { ok: true });
  });

  it('a span with so many members that it is processed in slices, signed by server or client, and its repeat', async () => {
    const names = Array.from({ length: 20_000 }, (_, index) => [`${(index * 7_919) % 20_000}-${index}`, 1e5]);
    const body = { ...good, id: randomUUID(), metadata: Object.fromEntries(names) };
    const headers = { 'idempotency-key': randomUUID() };
    const { status, body: answer } = await stage0.call('/api/spans', { token, body, headers });
    assert.equal(status, 201);
    assert.deepEqual(verifySpan(answer.span), { ok: true });
    for (const repeat of [body, answer.span])
      assert.equal((await stage0.call('/api/spans', { token, body: repeat })).status, 200);
    assert.equal((await stage0.call('/api/spans', { token, body, headers })).status, 200);
    const forged = { ...answer.span, id: randomUUID() };
    assert.equal((await stage0.call('/api/spans', { token, body: forged })).status, 422);
  });

  it('a span whose numbers take nearly 1 MiB once they are written out', async () => {
    const metadata = Array(3_000).fill(1e308);
    assert.equal((await stage0.call('/api/spans', { token, body: { ...good, metadata } })).status, 201);
  });

  it('128 levels within a span, also within a list', async () => {
    // The span itself is one level, and the list within it another.
    const nested = (levels: number) => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`);
    for (const body of [{ ...good, metadata: nested(127) }, [{ ...good, metadata: nested(127) }]]) {
      assert.equal((await stage0.call('/api/spans', { token, body })).status, 201);
    }
    for (const body of [{ ...good, metadata: nested(128) }, [{ ...good, metadata: nested(128) }]]) {
      assert.equal((await stage0.call('/api/spans', { token, body })).status, 400);
    }
  });

  it('NDJSON with blank lines, CRLF and no newline at the end', async () => {
    const lines = `${JSON.stringify(good)}\r\n\n  \n${JSON.stringify({ ...good, this: 'last' })}`;
    const answer = await stage0.call('/api/spans', {
      token,
      raw: lines,
      headers: { 'content-type': 'application/x-ndjson; charset=utf-8' },
    });
    assert.equal(answer.status, 201);
    assert.equal(answer.body.count, 2);
  });

  it('names at their longest, in the widest characters, so that every index can hold them', async () => {
    const wide = (length: number) =>
      Array.from({ length }, (_, i) => String.fromCodePoint(0x20000 + ((i * 7919) % 40_000))).join('');
    const owner = await stage0.token('歌'.repeat(255), '龍'.repeat(255));
    const body = {
      entity_type: wide(128),
      who: wide(255),
      this: 'x'.repeat(100_000),
      status: wide(128),
      name: wide(255),
      trace_id: wide(128),
      did: wide(255),
      related_to: Array.from({ length: 1_000 }, () => randomUUID()),
    };
    const answer = await stage0.call('/api/spans', { token: owner, body });
    assert.equal(answer.status, 201, JSON.stringify(answer.body).slice(0, 300));
    const page = await stage0.call('/api/timeline?limit=1', { token: owner });
    assert.deepEqual(page.body.spans, [answer.body.span]);
  });

  it('null for every member that may be absent', async () => {
    const body = {
      ...good,
      ...Object.fromEntries(
        SPAN_COLUMNS.filter((member) => !(member in good)).map((member) => [member, null]),
      ),
    };
    const answer = await stage0.call('/api/spans', { token, body });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    assert.ok(Object.values(answer.body.span).every((value) => value !== null));
  });
});
