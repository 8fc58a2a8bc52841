import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { LogLine, LogLineError } from '../../../client/src';
import { answerOf, type SentRequest, scriptedLedger } from '../../support/scripted-ledger';

const note = (thing: string) => ({ entity_type: 'note', who: 'test', this: thing });

interface Sent {
  readonly id: string;
  readonly this: string;
}

function spansIn({ bytes, headers }: SentRequest): readonly Sent[] {
  const text = (
    headers.get('content-encoding') === 'gzip' ? gunzipSync(bytes) : Buffer.from(bytes)
  ).toString();
  return headers.get('content-type') === 'application/x-ndjson'
    ? text.split('\n').map((line) => JSON.parse(line))
    : JSON.parse(text);
}

const stored = (request: SentRequest): Response =>
  answerOf(201, { spans: spansIn(request).map(({ id }) => ({ id, seq: 0, curr_hash: 'h' })) });

/** Refuses spans named `bad`, with the errors that `faults` builds. */
function refusing(faults: (places: readonly number[]) => object) {
  return scriptedLedger((request) => {
    const places = spansIn(request).flatMap((span, place) => (span.this === 'bad' ? [place] : []));
    return places.length === 0 ? stored(request) : answerOf(400, { detail: 'no', ...faults(places) });
  });
}

const clientOf = ({ fetch }: { fetch: typeof globalThis.fetch }) =>
  new LogLine({ url: 'http://ledger.test', fetch });

describe('a batch of the client', () => {
  it('reports the spans that the ledger faults, and sends the rest', async () => {
    const ledger = refusing((places) => ({
      errors: places.map((place) => ({ pointer: `/${place}/who`, detail: 'is required' })),
    }));
    const { spans, refused } = await clientOf(ledger).appendAll(['a', 'bad', 'b', 'bad', 'c'].map(note));
    assert.equal(spans.length, 3);
    assert.deepEqual(
      refused.map(({ draft, error }) => [draft.this, error.status, error.errors]),
      [1, 2].map(() => ['bad', 400, [{ pointer: '/who', detail: 'is required' }]]),
    );
    assert.deepEqual(
      ledger.sent.map((request) => spansIn(request).length),
      [5, 3],
    );
  });

  it('finds the spans at fault by itself when the ledger names none', async () => {
    const ledger = refusing(() => ({}));
    const names = Array.from({ length: 20 }, (_, index) =>
      index === 7 || index === 19 ? 'bad' : `n${index}`,
    );
    const { spans, refused } = await clientOf(ledger).appendAll(names.map(note));
    assert.deepEqual([spans.length, refused.map(({ draft }) => draft.this)], [18, ['bad', 'bad']]);
  });

  it('does not take a token without the scope for a fault of the spans', async () => {
    const ledger = scriptedLedger(answerOf(403, { detail: 'no scope', scope: 'spans:write' }));
    await assert.rejects(
      clientOf(ledger).appendAll(['a', 'b'].map(note)),
      (error) => error instanceof LogLineError && error.status === 403,
    );
    assert.equal(ledger.sent.length, 1);
  });

  it("has at most 1000 spans and the ledger's limit of bytes", async () => {
    const ledger = scriptedLedger(stored);
    await clientOf(ledger).appendAll(Array.from({ length: 2_001 }, (_, index) => note(String(index))));
    assert.deepEqual(
      ledger.sent.map((request) => spansIn(request).length),
      [1000, 1000, 1],
    );
    const large = scriptedLedger(stored);
    await clientOf(large).appendAll(Array.from({ length: 9 }, () => note('x'.repeat(900_000))));
    assert.deepEqual(
      large.sent.map((request) => spansIn(request).length),
      [4, 4, 1],
    );
  });

  it('is compressed when it is dense, and sent as NDJSON to a ledger that accepts no compression', async () => {
    const drafts = Array.from({ length: 4 }, () => note('"'.repeat(400_000)));
    const ledger = scriptedLedger(stored);
    await clientOf(ledger).appendAll(drafts);
    assert.deepEqual(
      ledger.sent.map(({ headers }) => headers.get('content-encoding')),
      ['gzip'],
    );
    const older = scriptedLedger((request) =>
      request.headers.get('content-encoding') === 'gzip' ? answerOf(415, {}) : stored(request),
    );
    const client = clientOf(older);
    await client.appendAll(drafts);
    await client.appendAll(drafts);
    assert.deepEqual(
      older.sent.map(({ headers }) => headers.get('content-encoding') ?? headers.get('content-type')),
      ['gzip', 'application/x-ndjson', 'application/x-ndjson'],
    );
  });
});
