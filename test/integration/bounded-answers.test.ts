import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { type Answer, createTestStage0, type TestStage0 } from '../support/test-stage0';
import { startWireMeter, type WireMeter } from '../support/wire-meter';

const MIB = 1024 * 1024;

/** Long spans that cannot be compressed, long ones that compress well, and short ones in between. */
const contents = (index: number): object => {
  switch (index % 4) {
    case 0:
      return { metadata: { text: randomBytes(500_000).toString('hex') } };
    case 1:
      return { metadata: { text: 'ü'.repeat(500_000) } };
    case 2:
      return { description: randomBytes(450_000).toString('base64') };
    default:
      return { description: 'short' };
  }
};

describe('no answer passes 4 MiB', () => {
  let stage0: TestStage0;
  let meter: WireMeter;
  let token: string;
  before(async () => {
    stage0 = await createTestStage0({
      async reach(appUrl) {
        const url = new URL(appUrl);
        meter = await startWireMeter(Number(url.port));
        url.port = String(meter.port);
        return { connectionString: url.href };
      },
    });
    token = await stage0.token('alice', 'acme');
    for (let index = 0; index < 24; index += 1) {
      const body = {
        entity_type: 'note',
        who: 'alice',
        this: String(index),
        visibility: 'public',
        ...contents(index),
      };
      assert.equal((await stage0.call('/api/spans', { token, body })).status, 201);
    }
  });
  after(async () => {
    await stage0.close();
    await meter.close();
  });

  function assertBounded(answer: Answer): void {
    assert.equal(answer.status, 200, JSON.stringify(answer.body).slice(0, 300));
    const bytes = Buffer.byteLength(JSON.stringify(answer.body));
    assert.ok(bytes <= 4 * MIB, `${bytes} bytes`);
  }

  for (const order of ['desc', 'asc', 'feed']) {
    it(`pages of ${order} end early, hold at least one span, and lead through all of them`, async () => {
      const seen: string[] = [];
      let cursor: string | null = null;
      for (let more = true; more; ) {
        const query = new URLSearchParams({
          order,
          limit: '1000',
          entity_type: 'note',
          ...(cursor === null ? {} : { cursor }),
        });
        const answer: Answer = await stage0.call(`/api/timeline?${query}`);
        assertBounded(answer);
        const { spans, count, has_more, next_cursor } = answer.body;
        assert.ok(count > 0 && count === spans.length);
        seen.push(...spans.map((span: { this: string }) => span.this));
        more = has_more;
        cursor = next_cursor;
      }
      const expected = Array.from({ length: 24 }, (_, index) => String(index));
      assert.deepEqual(seen, order === 'desc' ? expected.reverse() : expected);
    });
  }

  it('a page of long spans takes two round trips, and no more bytes than an answer', async () => {
    await stage0.call('/api/timeline?limit=1000');
    let least = { turns: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };
    // Reads that happen once a second (manifest, revocations, usage) may fall into one request, but not into each of three.
    for (let time = 0; time < 3; time += 1) {
      meter.take();
      meter.takeBytes();
      assertBounded(await stage0.call('/api/timeline?limit=1000'));
      least = {
        turns: Math.min(least.turns, meter.take()),
        bytes: Math.min(least.bytes, meter.takeBytes()),
      };
    }
    assert.ok(least.turns <= 2, `${least.turns} turns`);
    assert.ok(least.bytes <= 6 * MIB, `${least.bytes} bytes came from the database`);
  });

  it('versions come in pages: the newest that fit, oldest first within each, the cursor leads to older ones', async () => {
    const draft = { entity_type: 'note', who: 'alice', this: 'long', description: 'x'.repeat(900_000) };
    const { id } = (await stage0.call('/api/spans', { token, body: draft })).body.span;
    for (let seq = 1; seq < 9; seq += 1) {
      const answer = await stage0.call('/api/spans', { token, body: { ...draft, id, seq } });
      assert.equal(answer.status, 201);
    }
    const pages: number[][] = [];
    let cursor: string | null = null;
    do {
      const query = cursor === null ? '' : `?cursor=${cursor}`;
      const answer: Answer = await stage0.call(`/api/spans/${id}${query}`, { token });
      assertBounded(answer);
      assert.equal(answer.body.span.seq, 8);
      pages.push(answer.body.versions.map((span: { seq: number }) => span.seq));
      assert.equal(answer.body.has_more, answer.body.next_cursor !== null);
      cursor = answer.body.next_cursor;
    } while (cursor !== null);
    assert.deepEqual(pages, [
      [6, 7, 8],
      [3, 4, 5],
      [0, 1, 2],
    ]);
  });

  it('versions beside a span of few bytes end early as well, and the cursor leads to the rest', async () => {
    const draft = { entity_type: 'note', who: 'alice', this: 'short at last' };
    const long = { ...draft, description: 'x'.repeat(900_000) };
    const { id } = (await stage0.call('/api/spans', { token, body: long })).body.span;
    for (let seq = 1; seq < 7; seq += 1) {
      const answer = await stage0.call('/api/spans', {
        token,
        body: { ...(seq < 6 ? long : draft), id, seq },
      });
      assert.equal(answer.status, 201);
    }
    const newest: Answer = await stage0.call(`/api/spans/${id}`, { token });
    assertBounded(newest);
    assert.equal(newest.body.has_more, true);
    const older = await stage0.call(`/api/spans/${id}?cursor=${newest.body.next_cursor}`, { token });
    const seqs = [...older.body.versions, ...newest.body.versions].map(({ seq }: { seq: number }) => seq);
    assert.deepEqual(seqs, [0, 1, 2, 3, 4, 5, 6]);
    assert.equal(older.body.has_more, false);
  });

  it('a cursor of versions works for its caller and its entity only', async () => {
    const draft = {
      entity_type: 'note',
      who: 'alice',
      this: 'x',
      visibility: 'tenant',
      description: 'x'.repeat(990_000),
    };
    const ids: string[] = [];
    for (const _ of [0, 1]) {
      const { id } = (await stage0.call('/api/spans', { token, body: draft })).body.span;
      for (const seq of [1, 2, 3]) await stage0.call('/api/spans', { token, body: { ...draft, id, seq } });
      ids.push(id);
    }
    const [first, second] = ids;
    const cursor = (await stage0.call(`/api/spans/${first}`, { token })).body.next_cursor;
    assert.equal(typeof cursor, 'string');
    const bob = await stage0.token('bob', 'acme');
    assert.equal((await stage0.call(`/api/spans/${first}?cursor=${cursor}`, { token })).status, 200);
    assert.equal((await stage0.call(`/api/spans/${second}?cursor=${cursor}`, { token })).status, 400);
    assert.equal((await stage0.call(`/api/spans/${first}?cursor=${cursor}`, { token: bob })).status, 400);
    assert.equal((await stage0.call(`/api/spans/${first}?cursor=x`, { token })).status, 400);
  });

  it('an append whose echo would be larger answers ids and hashes, and sets Preference-Applied', async () => {
    const one = { entity_type: 'note', who: 'alice', this: 'x', description: 'x'.repeat(4_050) };
    const body = Array.from({ length: 1_000 }, () => one);
    const answer = await stage0.call('/api/spans', { token, body });
    assert.equal(answer.status, 201);
    assert.equal(answer.headers.get('preference-applied'), 'return=minimal');
    assert.equal(answer.body.count, 1_000);
    const [echo] = answer.body.spans;
    assert.deepEqual(Object.keys(echo), ['id', 'seq', 'curr_hash']);
    const stored = await stage0.call(`/api/spans/${echo.id}`, { token });
    assert.equal(stored.body.span.curr_hash, echo.curr_hash);
  });

  it('an error that lists a hundred faults below a name as long as a span is short', async () => {
    const faulty = Array.from({ length: 100 }, () => '\0');
    for (const [path, body] of [
      [
        '/api/spans',
        { entity_type: 'note', who: 'a', this: 'x', metadata: { ['~'.repeat(900_000)]: faulty } },
      ],
      [`/api/execute/${randomUUID()}`, { input: { ['~'.repeat(3_900_000)]: faulty } }],
      ['/api/spans', { entity_type: 'note', who: 'a', this: 'x', ['~'.repeat(900_000)]: 1 }],
    ] as const) {
      const answer = await stage0.call(path, { token, body });
      assert.equal(answer.status, 400);
      assert.ok(JSON.stringify(answer.body).length < 200_000, path);
      assert.ok(answer.body.errors.length > 0);
    }
  });

  it('Prefer: return=minimal is heard, also beside other preferences', async () => {
    const body = { entity_type: 'note', who: 'alice', this: 'x' };
    const headers = { prefer: 'wait=1, Return=minimal; x=1' };
    const answer = await stage0.call('/api/spans', { token, body, headers });
    assert.equal(answer.headers.get('preference-applied'), 'return=minimal');
    assert.deepEqual(Object.keys(answer.body.span), ['id', 'seq', 'curr_hash']);
    const whole = await stage0.call('/api/spans', { token, body });
    assert.equal(whole.headers.get('preference-applied'), null);
  });
});
