import { gzipSync } from 'node:zlib';
import { type Attack, executing, over, sockets } from './callers';

const note = { entity_type: 'note', who: 'bad', this: 'x' };
const MIB = 1024 * 1024;
const GZIPPED = { 'content-encoding': 'gzip' };

/** Parameters that no route knows, as many as a request line holds. */
const unknownParameters = Array.from({ length: 4_000 }, (_, index) => index.toString(36)).join('&');

/** 99 spans that are related to a thousand others each: seconds of work for PostgreSQL. */
const relatedSpans = () =>
  Array.from({ length: 99 }, () => ({
    ...note,
    related_to: Array.from({ length: 990 }, () => crypto.randomUUID()),
  }));

/** The worst that a caller may send to single routes, with a token or without one. */
export const ROUTE_ATTACKS: Readonly<Record<string, Attack>> = {
  'health-of-500-strangers': (bad) => over(500, () => bad.get('/api/health', true)),
  'nothing-for-500-strangers': (bad) => over(500, () => bad.get('/nothing', true)),
  'queries-of-unknown-names': (bad) => over(4, () => bad.get(`/api/timeline?${unknownParameters}`, true)),
  pipelining: (bad) => sockets(bad, 20, 'GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(10_000)),
  'statuses-of-100-policies'(bad) {
    const policy = { ...note, entity_type: 'policy', code: 'function on() { for (;;) {} }' };
    void bad.post(Array.from({ length: 100 }, () => policy));
    over(50, () => bad.get('/api/status'));
  },
  'plans-of-many-texts'(bad) {
    let count = 0;
    over(20, () => {
      count += 1;
      const filter = ['who', 'did', 'status', 'name', 'trace_id', 'entity_type'][count % 6];
      const values = Array.from({ length: 3 + (count % 8) }, () => `${filter}=${crypto.randomUUID()}`);
      return bad.get(`/api/timeline?order=${count % 2 ? 'asc' : 'desc'}&${values.join('&')}`);
    });
  },
  'refused-appends': (bad) =>
    over(100, () => bad.post({ ...note, id: crypto.randomUUID(), seq: 5, prev_hash: 'a'.repeat(64) })),
  'ids-of-running-batches': (bad) =>
    over(3, () => {
      const id = crypto.randomUUID();
      for (let ms = 100; ms <= 1_000; ms += 100)
        setTimeout(() => void bad.post({ ...note, id, metadata: { ms } }), ms);
      return bad.post([{ ...note, id }, ...relatedSpans()]);
    }),
  'revocations-without-end': (bad) =>
    over(16, () => bad.post({ ...note, entity_type: 'token_revocation', this: crypto.randomUUID() })),
  'blank-lines'(bad) {
    const body = new Uint8Array(gzipSync(Buffer.alloc(4 * MIB, '\n')));
    over(4, () => bad.post(body, { ...GZIPPED, 'content-type': 'application/x-ndjson' }));
  },
  'tiny-chunks': (bad) =>
    sockets(
      bad,
      20,
      `POST /api/spans HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${bad.token}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n2\r\n["\r\n${'1\r\nx\r\n'.repeat(1_000_000)}`,
    ),
  'looping-runs-of-600-callers': (bad) => executing(bad, 600, 'for (;;) {}'),
  'large-inputs-of-runs': (bad) => over(120, () => bad.execute('for (;;) {}', {}, 'x'.repeat(4_000_000))),
  'large-inputs-of-requests': (bad) =>
    over(200, () => bad.execute('return 1;', { prefer: 'respond-async' }, 'x'.repeat(1_000_000))),
  'inserts-at-once': (bad) =>
    executing(
      bad,
      3,
      'const spans = Array.from({ length: 1000 }, () => ({ entity_type: "note", who: "bad", this: "x" })); await Promise.allSettled(Array.from({ length: 700 }, () => ctx.insertSpan(spans)));',
    ),
  'values-to-verify': (bad) =>
    executing(
      bad,
      3,
      'const span = { metadata: Array.from({ length: 340000 }, () => ({})) }; await Promise.allSettled(Array.from({ length: 30 }, () => ctx.verifySpan(span)));',
    ),
  async 'ten-thousand-schedules'(bad) {
    const metadata = { schedule: 'rate(1 minute)' };
    const scheduled = { ...note, entity_type: 'function', code: 'function main() {}', metadata };
    for (let count = 0; count < 20; count += 1) await bad.post(Array.from({ length: 500 }, () => scheduled));
  },
  async 'ten-thousand-policies'(bad) {
    const policy = { ...note, entity_type: 'policy', code: 'function on() {}' };
    for (let count = 0; count < 20; count += 1) await bad.post(Array.from({ length: 500 }, () => policy));
    over(1, () => bad.post(note));
  },
  async 'requests-that-request'(bad) {
    const id = crypto.randomUUID();
    const code = `async function main(ctx) { await ctx.insertSpan(Array.from({ length: 1000 }, () => ({ entity_type: 'request', who: 'bad', this: 'x', status: 'scheduled', parent_id: '${id}' }))); }`;
    await bad.post({ ...note, id, entity_type: 'function', code });
    await bad.post({ ...note, entity_type: 'request', status: 'scheduled', parent_id: id });
  },
};
