import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';
import { isSealed, jcs } from '../unit/ledger/independent-span-check';

type Members = Record<string, unknown>;

const SEAL = ['curr_hash', 'signature', 'public_key'];

const text = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  .filter((value) => !value.includes('\0'));
/** JSON as a client may send it: no U+0000. */
const isAccepted = (text: string) => !text.includes('\\u0000');
const json = fc
  .jsonValue({ stringUnit: 'grapheme', maxDepth: 4 })
  .filter((value) => isAccepted(JSON.stringify(value)));
const draft = fc.record(
  {
    entity_type: text,
    who: text,
    this: text,
    did: fc.option(text),
    parent_id: fc.uuid(),
    related_to: fc.array(fc.uuid(), { maxLength: 4 }),
    visibility: fc.constantFrom('private', 'tenant', 'public'),
    status: text,
    name: text,
    description: fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\0')),
    code: text,
    at: fc
      .date({
        min: new Date('0001-01-01T00:00:00Z'),
        max: new Date('9999-12-31T23:59:59Z'),
        noInvalidDate: true,
      })
      .map((date) => date.toISOString()),
    input: json,
    output: json,
    error: json,
    metadata: json,
    duration_ms: fc.nat(),
    trace_id: text,
  },
  { requiredKeys: ['entity_type', 'who', 'this'] },
);

describe('an independent implementation of the span format', () => {
  let stage0: TestStage0;
  let token: string;
  before(async () => {
    stage0 = await createTestStage0();
    token = await stage0.token('älice', 'ácme 😀');
  });
  after(() => stage0.close());

  const readAll = async (order: string): Promise<Members[]> => {
    const spans: Members[] = [];
    let cursor = '';
    for (;;) {
      const { body } = await stage0.call(`/api/timeline?limit=1000&order=${order}${cursor}`, { token });
      spans.push(...body.spans);
      if (!body.has_more) return spans;
      cursor = `&cursor=${body.next_cursor}`;
    }
  };

  it('recomputes hash and signature of whatever was posted, from the JSON that any route returns', async () => {
    const sent = fc.sample(draft, 150);
    const posted: Members[] = [];
    for (let at = 0; at < sent.length; at += 50) {
      const answer = await stage0.call('/api/spans', { token, body: sent.slice(at, at + 50) });
      assert.equal(answer.status, 201, JSON.stringify(answer.body).slice(0, 500));
      posted.push(...answer.body.spans);
    }
    for (const [index, span] of posted.entries()) {
      assert.ok(isSealed(span), JSON.stringify(span));
      assert.equal(span.public_key, stage0.key.publicKeyHex);
      for (const [member, value] of Object.entries(sent[index] ?? {})) {
        if (value === null) assert.ok(!(member in span), member);
        else assert.equal(jcs(span[member]), jcs(value), member);
      }
    }
    const byId = new Map(posted.map((span) => [span.id, span]));
    for (const order of ['desc', 'asc', 'feed']) {
      const listed = await readAll(order);
      for (const span of listed) {
        assert.deepEqual(span, byId.get(span.id));
        assert.ok(isSealed(span));
      }
      if (order !== 'feed') assert.equal(listed.length, posted.length);
    }
    for (const span of posted.slice(0, 10)) {
      const { body } = await stage0.call(`/api/spans/${span.id}`, { token });
      assert.deepEqual(body.span, span);
      assert.deepEqual(Object.keys(body.span), Object.keys(span));
      assert.ok(isSealed(body.span));
    }
  });

  it('accepts every span that it returned: sent again, it is 200', async () => {
    const numbers = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 8 });
    const large = fc.array(fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }).map(Number), { maxLength: 4 });
    const drafts = fc.sample(fc.tuple(draft, numbers, large), 100).map(([sent, small, big]) => ({
      ...sent,
      metadata: { numbers: [...small, ...big, 1e20, 2 ** 53, -0, 5e-324, 1.7976931348623157e308] },
    }));
    const first = await stage0.call('/api/spans', { token, body: drafts });
    assert.equal(first.status, 201, JSON.stringify(first.body).slice(0, 500));
    const again = await stage0.call('/api/spans', { token, body: first.body.spans });
    assert.equal(again.status, 200, JSON.stringify(again.body).slice(0, 500));
    assert.deepEqual(again.body.spans, first.body.spans);
    const [span] = first.body.spans;
    const read = await stage0.call(`/api/spans/${span.id}`, { token });
    assert.equal((await stage0.call('/api/spans', { token, body: read.body.span })).status, 200);
  });

  it('detects any change of a span that the server signed, also deep inside', async () => {
    const body = {
      entity_type: 'note',
      who: 'alice',
      this: 'x',
      metadata: { a: { b: [1, { c: 'x', d: null }, []] }, 'key with "quotes"': { e: false } },
    };
    const { span } = (await stage0.call('/api/spans', { token, body })).body;
    assert.ok(isSealed(span));
    let changes = 0;
    const change = (edit: (copy: Members) => void): void => {
      const copy = structuredClone(span);
      edit(copy);
      changes += 1;
      assert.ok(!isSealed(copy), JSON.stringify(copy));
    };
    /** The path of every value. */
    const places = (value: unknown, path: string[] = []): string[][] =>
      typeof value === 'object' && value !== null
        ? [path, ...Object.entries(value).flatMap(([name, member]) => places(member, [...path, name]))]
        : [path];
    for (const place of places(span).filter(({ length }) => length > 0)) {
      const name = place.at(-1) ?? '';
      const parentOf = (copy: Members): Members =>
        place.slice(0, -1).reduce((inner, step) => inner[step] as Members, copy);
      change((copy) => {
        // A value of the same form, so that the hash detects it and not the form check.
        const value = parentOf(copy)[name];
        parentOf(copy)[name] = /^[0-9a-f]{64,}$/.test(String(value))
          ? 'ab'.repeat(String(value).length / 2)
          : 'changed';
      });
      if (!Array.isArray(parentOf(span)) && !SEAL.includes(name)) {
        change((copy) => delete parentOf(copy)[name]);
      }
    }
    assert.ok(changes > 30);
  });
});
