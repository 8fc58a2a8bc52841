import assert from 'node:assert/strict';
import { blake3 } from '@noble/hashes/blake3.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import canonicalize from 'canonicalize';
import { assertProblem } from '../support/problem';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

const EVENT = 'application/cloudevents+json';
const BATCH = 'application/cloudevents-batch+json';
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

const event = {
  specversion: '1.0',
  id: 'A234-1234-1234',
  source: '/shop/orders',
  type: 'com.example.order.placed',
  subject: 'order/17',
  time: '2026-04-05T17:31:00Z',
  datacontenttype: 'application/json',
  dataschema: 'https://example.com/order.json',
  traceparent: `00-${TRACE}-00f067aa0ba902b7-01`,
  partitionkey: 'eu-7',
  sampled: true,
  rank: -7,
  data: { total: 12.5, lines: [{ sku: 'a' }] },
};

/** The id by the contract, computed independently of the ledger's code. */
function expectedId(tenant: string, user: string, source: string, id: string): string {
  const digest = blake3(Buffer.from(canonicalize([tenant, user, source, id]) ?? '')).slice(0, 16);
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  return bytesToHex(digest).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

describe('CloudEvents', () => {
  let stage0: TestStage0;
  let token: string;
  before(async () => {
    stage0 = await createTestStage0();
    token = await stage0.token('alice', 'acme');
  });
  after(() => stage0.close());

  const post = (body: unknown, type = EVENT, by = token, headers = {}) =>
    stage0.call('/api/spans', {
      token: by,
      raw: JSON.stringify(body),
      headers: { 'content-type': type, ...headers },
    });

  it('become a span without a loss', async () => {
    const { status, body } = await post(event, `${EVENT}; charset=utf-8`);
    assert.equal(status, 201, JSON.stringify(body));
    const { span } = body;
    assert.equal(span.id, expectedId('acme', 'alice', event.source, event.id));
    assert.deepEqual(
      [span.entity_type, span.who, span.this, span.at, span.trace_id],
      [event.type, event.source, event.subject, '2026-04-05T17:31:00.000Z', TRACE],
    );
    assert.deepEqual(span.metadata, event.data);
    const { id, datacontenttype, dataschema, traceparent, partitionkey, sampled, rank } = event;
    assert.deepEqual(span.input, {
      id,
      datacontenttype,
      dataschema,
      traceparent,
      partitionkey,
      sampled,
      rank,
    });
  });

  it('that are delivered again answer 200 with the stored span, with other content 409', async () => {
    const again = { ...event, id: 'again' };
    const first = await post(again);
    const second = await post(again);
    assert.deepEqual([first.status, second.status], [201, 200]);
    assert.deepEqual(second.body.span, first.body.span);
    assertProblem(await post({ ...again, data: { total: 13 } }), 409);
  });

  it('without time keep the time of their first delivery, whatever trace delivers them again', async () => {
    const { time: _time, traceparent: _trace, ...untimed } = { ...event, id: 'untimed' };
    const trace = (digit: string) => ({ traceparent: `00-${digit.repeat(32)}-00f067aa0ba902b7-01` });
    const first = await post(untimed, EVENT, token, trace('a'));
    const second = await post(untimed, EVENT, token, trace('b'));
    assert.deepEqual([first.status, second.status], [201, 200], JSON.stringify(second.body));
    assert.deepEqual(second.body.span, first.body.span);
    assert.equal(first.body.span.trace_id, 'a'.repeat(32));
  });

  it('of two writers, or of two tenants, never meet', async () => {
    const same = { ...event, id: 'same' };
    const ids = new Set<string>();
    for (const [user, tenant] of [
      ['alice', 'acme'],
      ['bob', 'acme'],
      ['alice', 'globex'],
    ] as const) {
      const { status, body } = await post(same, EVENT, await stage0.token(user, tenant));
      assert.equal(status, 201);
      assert.equal(body.span.id, expectedId(tenant, user, same.source, same.id));
      ids.add(body.span.id);
    }
    assert.equal(ids.size, 3);
  });

  it('come in batches, all or nothing, one delivered twice in it counted once', async () => {
    const batch = ['b1', 'b2', 'b1'].map((id) => ({ ...event, id }));
    const { status, body } = await post(batch, BATCH);
    assert.equal(status, 201, JSON.stringify(body));
    assert.equal(body.count, 3);
    assert.equal(body.spans[0].id, body.spans[2].id);
    const { subject: _subject, ...without } = { ...event, id: 'b3' };
    const refused = await post([{ ...event, id: 'b4' }, without, { ...event, type: '' }], BATCH);
    assertProblem(refused, 400, ['/1/subject', '/2/type']);
    const left = await stage0.call(`/api/spans/${expectedId('acme', 'alice', event.source, 'b4')}`, {
      token,
    });
    assert.equal(left.status, 404);
  });

  it('with a time finer than milliseconds keep its text', async () => {
    const time = '2026-04-05T19:31:00.123456789+02:00';
    const { status, body } = await post({ ...event, id: 'fine', time });
    assert.equal(status, 201, JSON.stringify(body));
    assert.equal(body.span.at, '2026-04-05T17:31:00.123Z');
    assert.equal(body.span.input.time, time);
  });

  it('may have null attributes, and a malformed trace, which stays an extension', async () => {
    const { status, body } = await post({
      specversion: '1.0',
      id: 'bare',
      source: 's',
      type: 't',
      subject: 'x',
      time: null,
      data: null,
      traceparent: '00-nonsense',
    });
    assert.equal(status, 201, JSON.stringify(body));
    assert.equal(body.span.trace_id, undefined);
    assert.deepEqual(body.span.input, { id: 'bare', traceparent: '00-nonsense' });
  });

  const faults: readonly [string, object, readonly string[]][] = [
    ['without subject', { subject: undefined }, ['/subject']],
    ['with an empty subject, which a span cannot have', { subject: '' }, ['/subject']],
    ['of another version', { specversion: '0.3' }, ['/specversion']],
    [
      'without anything',
      { specversion: undefined, id: undefined, source: undefined, type: undefined },
      ['/specversion', '/id', '/source', '/type'],
    ],
    ['whose time is none', { time: '2026-02-30T00:00:00Z' }, ['/time']],
    ['whose extension is an object or a fraction', { shape: {}, ratio: 0.5 }, ['/shape', '/ratio']],
    [
      'whose extension has a name that CloudEvents forbids',
      { 'Bad-Name': 'x', 'a/b': 1 },
      ['/Bad-Name', '/a~1b'],
    ],
    ['whose type is longer than an entity_type', { type: 't'.repeat(129) }, ['/type']],
  ];
  for (const [what, change, pointers] of faults) {
    it(`${what} are refused, every fault with its pointer`, async () => {
      assertProblem(await post({ ...event, id: 'bad', ...change }), 400, pointers);
    });
  }

  it('with data_base64 are refused with the reason: 415', async () => {
    const { data: _data, ...rest } = event;
    const one = await post({ ...rest, data_base64: 'AAEC' });
    assertProblem(one, 415, ['/data_base64']);
    assertProblem(await post([event, { ...rest, data_base64: 'AAEC' }], BATCH), 415, ['/1/data_base64']);
  });

  it('in binary mode, or in a format that is not JSON, are refused with the reason: 415', async () => {
    const headers = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': 's', 'ce-type': 't' };
    const binary = await post(event.data, 'application/json', token, headers);
    assertProblem(binary, 415);
    assert.match(binary.body.detail, /structured mode/);
    assertProblem(await post(event, 'application/cloudevents+xml'), 415);
    // CloudEvents HTTP binding section 3.2.2: in structured mode the headers may repeat what the body says.
    assert.equal((await post({ ...event, id: 'both' }, EVENT, token, headers)).status, 201);
  });

  it('in the other of the two forms than the media type says are refused', async () => {
    assertProblem(await post([event], EVENT), 400);
    assertProblem(await post(event, BATCH), 400);
    assertProblem(await post([], BATCH), 400);
  });
});

describe('traceparent', () => {
  let stage0: TestStage0;
  let token: string;
  before(async () => {
    stage0 = await createTestStage0();
    token = await stage0.token('alice', 'acme');
  });
  after(() => stage0.close());

  const good = { entity_type: 'note', who: 'alice', this: 'hello' };
  const traceOf = async (traceparent: string, body: object = good): Promise<unknown> => {
    const answer = await stage0.call('/api/spans', { token, body, headers: { traceparent } });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return answer.body.span.trace_id;
  };

  it('gives its trace to spans that name none', async () => {
    assert.equal(await traceOf(`00-${TRACE}-00f067aa0ba902b7-01`), TRACE);
    assert.equal(await traceOf(`cc-${TRACE}-00f067aa0ba902b7-01-what-comes-later`), TRACE);
    assert.equal(await traceOf(`00-${TRACE}-00f067aa0ba902b7-01`, { ...good, trace_id: 'mine' }), 'mine');
  });

  it('that is malformed is ignored', async () => {
    for (const malformed of [
      'x',
      `ff-${TRACE}-00f067aa0ba902b7-01`,
      `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
      `00-${TRACE}-${'0'.repeat(16)}-01`,
      `00-${TRACE}-00f067aa0ba902b7-01-more`,
      `00-${TRACE.toUpperCase()}-00f067aa0ba902b7-01`,
    ])
      assert.equal(await traceOf(malformed), undefined, malformed);
  });

  it('is no part of the content: a retry in another trace answers 200', async () => {
    const body = { ...good, id: '0198c0de-0000-7000-8000-000000000001' };
    const first = await traceOf(`00-${TRACE}-00f067aa0ba902b7-01`, body);
    const again = await stage0.call('/api/spans', {
      token,
      body,
      headers: { traceparent: `00-${'c'.repeat(32)}-00f067aa0ba902b7-01` },
    });
    assert.deepEqual([again.status, again.body.span.trace_id], [200, first]);
  });
});
