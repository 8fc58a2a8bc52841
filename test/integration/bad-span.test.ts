import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { assertProblem } from '../support/problem';
import { spanOfBytes } from '../support/span-of-bytes';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

const MIB = 1024 * 1024;
const NDJSON = { 'content-type': 'application/x-ndjson' };
const good = { entity_type: 'note', who: 'alice', this: 'hello' };

describe('POST /api/spans refuses', () => {
  let stage0: TestStage0;
  let token: string;
  before(async () => {
    stage0 = await createTestStage0();
    token = await stage0.token('alice', 'acme');
  });
  after(() => stage0.close());
  afterEach('and stores nothing', async () => {
    const { body } = await stage0.call('/api/timeline', { token });
    assert.equal(body.count, 0, JSON.stringify(body.spans));
  });

  const post = (body: unknown) => stage0.call('/api/spans', { token, body });
  const postRaw = (raw: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
    stage0.call('/api/spans', { token, raw, headers });
  /** A span whose metadata is exactly this JSON text. */
  const withMetadata = (text: string) =>
    postRaw(`{"entity_type":"note","who":"a","this":"b","metadata":${text}}`);

  it('malformed JSON', async () => {
    for (const raw of ['{', '{"a":1,}', "{'a':1}", 'nonsense', '[1,2', '\ufeff{}', '{"a":NaN}', '{} {}']) {
      assertProblem(await postRaw(raw), 400, ['']);
    }
  });

  it('bytes that are not UTF-8', async () => {
    assertProblem(await postRaw(new Uint8Array([0x22, 0xff, 0xfe, 0x22])), 400, ['']);
    assertProblem(await postRaw(new Uint8Array([0x22, 0xc0, 0x80, 0x22])), 400, ['']);
  });

  it('an empty body, blanks, an empty list, an empty NDJSON', async () => {
    assertProblem(await postRaw(''), 400);
    assertProblem(await postRaw('  \n'), 400);
    assertProblem(await post([]), 400);
    assertProblem(await postRaw('\n \n\r\n', NDJSON), 400);
    assertProblem(await stage0.call('/api/spans', { token, method: 'POST' }), 415);
    assertProblem(
      await stage0.call('/api/spans', {
        token,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
      }),
      400,
    );
  });

  it('JSON that is no span', async () => {
    for (const body of [null, true, 7, 'text', [null], [[]], [1, 'x'], [[good]]])
      assertProblem(await post(body), 400);
  });

  it('wrong types, every fault at once, each with its pointer', async () => {
    const answer = await post({
      entity_type: 5,
      who: null,
      seq: 1.5,
      at: 'yesterday',
      parent_id: 'x',
      related_to: [randomUUID(), 'y', 3],
      visibility: 'secret',
      is_deleted: 'no',
      duration_ms: -1,
      name: '',
      'a/b~c': 1,
      extra: true,
    });
    assertProblem(answer, 400, [
      '/entity_type',
      '/who',
      '/this',
      '/seq',
      '/at',
      '/parent_id',
      '/related_to/1',
      '/related_to/2',
      '/visibility',
      '/is_deleted',
      '/duration_ms',
      '/name',
      '/a~1b~0c',
      '/extra',
    ]);
  });

  it('objects that fight being read as text or number, in every member', async () => {
    const trap = { toString: 1, valueOf: 1, length: -1, toJSON: 1 };
    const members = [
      'id',
      'seq',
      'at',
      'parent_id',
      'related_to',
      'owner_id',
      'visibility',
      'prev_hash',
      'signature',
    ];
    for (const member of members) assertProblem(await post({ ...good, [member]: trap }), 400);
    assertProblem(
      await post({ ...good, ...Object.fromEntries(members.map((member) => [member, trap])) }),
      400,
    );
  });

  it('faults of several spans, each with the index of its span', async () => {
    const list = [good, { ...good, who: 1 }, { ...good, extra: 1 }, { who: 'x' }];
    const pointers = ['/1/who', '/2/extra', '/3/entity_type', '/3/this'];
    assertProblem(await post(list), 400, pointers);
    assertProblem(await postRaw(list.map((span) => JSON.stringify(span)).join('\n'), NDJSON), 400, pointers);
  });

  it('no more than a hundred faults, however many there are', async () => {
    const answer = await post(Array.from({ length: 1_000 }, () => ({ a: 1 })));
    assertProblem(answer, 400);
    assert.equal(answer.body.errors.length, 100);
  });

  it('an unknown member, also one that JavaScript knows', async () => {
    for (const member of [
      'curr_Hash',
      'tx_id',
      'ordinal',
      'audience',
      'toString',
      'constructor',
      '__proto__',
      '',
    ]) {
      const raw = `{"entity_type":"note","who":"a","this":"b",${JSON.stringify(member)}:{"x":1}}`;
      assertProblem(await postRaw(raw), 400, [`/${member}`]);
    }
  });

  it('a member twice', async () => {
    assertProblem(await postRaw('{"entity_type":"note","who":"a","who":"b","this":"c"}'), 400, ['/who']);
    assertProblem(await withMetadata('{"deep":{"a":1,"\\u0061":2}}'), 400, ['/metadata/deep/a']);
  });

  it('numbers that JSON texts can say and doubles cannot', async () => {
    for (const number of [
      '9007199254740993',
      '-9007199254740993',
      '1e400',
      '-1e400',
      '12345678901234567890',
    ]) {
      assertProblem(await withMetadata(`{"a":[1,${number}]}`), 400, ['/metadata/a/1']);
    }
    assertProblem(await postRaw('{"entity_type":"note","who":"a","this":"b","duration_ms":1e400}'), 400, [
      '/duration_ms',
    ]);
    assertProblem(await postRaw('{"entity_type":"note","who":"a","this":"b","seq":9007199254740993}'), 400, [
      '/seq',
    ]);
    assertProblem(await post({ ...good, duration_ms: 2_147_483_648 }), 400, ['/duration_ms']);
    assertProblem(await post({ ...good, id: randomUUID(), seq: 2_147_483_648 }), 400, ['/seq']);
  });

  it('U+0000 and lone surrogates, in any string and any member name', async () => {
    for (const bad of ['\\u0000', '\\ud800', '\\udc00', 'x\\udfff\\ud800']) {
      assertProblem(await postRaw(`{"entity_type":"note","who":"a","this":"${bad}"}`), 400, ['/this']);
      assertProblem(await withMetadata(`{"a":["b","${bad}"]}`), 400, ['/metadata/a/1']);
      assertProblem(await withMetadata(`{"${bad}":1}`), 400);
      assertProblem(await postRaw(`{"entity_type":"note","who":"a","this":"b","name":"${bad}"}`), 400, [
        '/name',
      ]);
    }
  });

  it('nesting deeper than readers accept', async () => {
    for (const depth of [200, 100_000]) {
      assertProblem(await withMetadata(`${'['.repeat(depth)}${']'.repeat(depth)}`), 400);
      assertProblem(await withMetadata(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`), 400);
    }
  });

  it('a bad uuid', async () => {
    for (const id of [
      '',
      'x',
      '123',
      `${randomUUID()}0`,
      randomUUID().replaceAll('-', ''),
      `{${randomUUID()}}`,
    ]) {
      assertProblem(await post({ ...good, id }), 400, ['/id']);
      assertProblem(await post({ ...good, parent_id: id }), 400, ['/parent_id']);
      assertProblem(await post({ ...good, related_to: [id] }), 400, ['/related_to/0']);
      if (id !== '')
        assertProblem(await stage0.call(`/api/spans/${encodeURIComponent(id)}`, { token }), 400, ['/id']);
    }
  });

  it('a moment that does not exist or says more than milliseconds', async () => {
    for (const at of [
      '2025-02-30T00:00:00Z',
      '2025-01-01T24:00:00Z',
      '2025-01-01T23:59:60Z',
      '2025-01-01',
      '2025-01-01T00:00:00',
      '2025-01-01T00:00:00.0001Z',
      '0000-01-01T00:00:00Z',
      '10000-01-01T00:00:00Z',
      'infinity',
      'now',
      '',
    ]) {
      assertProblem(await post({ ...good, at }), 400, ['/at']);
    }
  });

  it('a first version that follows something', async () => {
    assertProblem(await post({ ...good, prev_hash: '0'.repeat(64) }), 400, ['/prev_hash']);
  });

  it('a hash or a key without a signature', async () => {
    assertProblem(await post({ ...good, curr_hash: '0'.repeat(64) }), 400, ['/curr_hash']);
    assertProblem(await post({ ...good, public_key: '0'.repeat(64) }), 400, ['/public_key']);
  });

  it('another media type', async () => {
    for (const type of [
      'text/plain',
      'application/xml',
      'application/x-www-form-urlencoded',
      'application/jsonp',
      '',
    ]) {
      assertProblem(await postRaw(JSON.stringify(good), { 'content-type': type }), 415);
    }
  });

  it('1001 spans, as a list and as NDJSON', async () => {
    const spans = Array.from({ length: 1_001 }, () => good);
    assertProblem(await post(spans), 400, ['']);
    assertProblem(await postRaw(spans.map((span) => JSON.stringify(span)).join('\n'), NDJSON), 400, ['']);
  });

  it('a request of 4 MiB and one byte, whatever is in it', async () => {
    assertProblem(await postRaw(' '.repeat(4 * MIB + 1)), 413);
    assertProblem(await postRaw(' '.repeat(4 * MIB + 1), NDJSON), 413);
    assertProblem(await postRaw('{}', { 'content-length': String(4 * MIB + 1) }), 413);
    // At the limit the size is accepted; the content is the fault here.
    assertProblem(await postRaw(' '.repeat(4 * MIB)), 400);
  });

  it('a span of more than 50,000 JSON values, and a request of more than 100,000', async () => {
    const span = (values: number) => ({ ...good, metadata: Array.from({ length: values }, () => ({})) });
    assertProblem(await post(span(50_000)), 400, ['']);
    assertProblem(await post([good, span(50_000)]), 400, ['/1']);
    assertProblem(await postRaw(JSON.stringify(span(50_000)), NDJSON), 400, ['/0']);
    assertProblem(await post([span(40_000), span(40_000), span(40_000)]), 400, ['']);
  });

  it('a did that no index could hold', async () => {
    assertProblem(await post({ ...good, did: 'x'.repeat(256) }), 400, ['/did']);
  });

  it('the faults of every span of a list, and not only of the first', async () => {
    const list = `[{"a":1,"a":2},{"entity_type":"note","who":"a","this":"b","seq":1.5},${JSON.stringify(good)},3]`;
    assertProblem(await postRaw(list), 400, ['/0/a', '/1/seq', '/3']);
  });

  it('an endless body, as soon as it is too long', async () => {
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += MIB;
        if (sent > 50 * MIB) controller.close();
        else controller.enqueue(new Uint8Array(MIB).fill(0x20));
      },
    });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const request = new Request('http://localhost/api/spans', {
      method: 'POST',
      headers,
      body,
      duplex: 'half',
    });
    const response = await stage0.fetch(request);
    assert.equal(response.status, 413);
    assert.ok(sent <= 10 * MIB, `${sent} bytes were read`);
  });

  it('a span whose numbers take more than 1 MiB once they are written out, as they are stored', async () => {
    const numbers = (count: number, number: string) =>
      `{"entity_type":"note","who":"a","this":"b","metadata":[${Array(count).fill(number).join(',')}]}`;
    for (const number of ['1e308', '-1.5E+300', '2.5e-300'])
      assertProblem(await postRaw(numbers(4_000, number)), 413, ['']);
  });

  it('a span of 1 MiB and one byte, alone or among others, with its pointer', async () => {
    const large = spanOfBytes(MIB + 1);
    assertProblem(await post(large), 413, ['']);
    assertProblem(await post([good, large, good]), 413, ['/1']);
    assertProblem(await postRaw([good, large].map((span) => JSON.stringify(span)).join('\n'), NDJSON), 413, [
      '/1',
    ]);
  });

  it('a broken line of NDJSON, naming the span', async () => {
    assertProblem(await postRaw(`${JSON.stringify(good)}\n{"entity_type":\n`, NDJSON), 400, ['/1']);
    assertProblem(await postRaw(`${JSON.stringify(good)}\n\n{"a":1e400}`, NDJSON), 400, ['/1/a']);
  });

  it('an invalid Idempotency-Key', async () => {
    for (const key of ['', ' ', 'a b', 'ü', 'x'.repeat(256)]) {
      assertProblem(
        await stage0.call('/api/spans', { token, body: good, headers: { 'idempotency-key': key } }),
        400,
      );
    }
  });

  it('an unknown route, and a method that a route does not take', async () => {
    assertProblem(await stage0.call('/api/nothing', { token }), 404);
    assertProblem(await stage0.call('/', { token }), 404);
    const answer = await stage0.call('/api/spans', { token, method: 'DELETE' });
    assertProblem(answer, 405);
    assert.equal(answer.headers.get('allow'), 'POST, OPTIONS');
  });
});
