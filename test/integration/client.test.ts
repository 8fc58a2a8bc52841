import assert from 'node:assert/strict';
import { LogLine, LogLineError, type Span } from '../../client/src';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

interface Invoice {
  readonly entity_type: 'invoice';
  readonly metadata: { readonly total: number };
}

const note = (thing: string) => ({ entity_type: 'note', who: 'test', this: thing });

describe('the client, over a ledger', () => {
  let stage0: TestStage0;
  let ledger: LogLine;
  /** Requests so far, `METHOD path`. */
  const asked: string[] = [];
  before(async () => {
    stage0 = await createTestStage0();
    ledger = await clientOf('alice');
  });
  after(() => stage0.close());

  async function clientOf(user: string, tenant = 'acme'): Promise<LogLine> {
    return new LogLine({
      url: 'http://localhost',
      token: await stage0.token(user, tenant),
      fetch: async (input, init) => {
        asked.push(`${init?.method} ${input}`);
        return stage0.fetch(new Request(input, init));
      },
    });
  }

  it('appends a typed span and lists it', async () => {
    const span = await ledger.append<Invoice>({
      entity_type: 'invoice',
      who: 'alice',
      this: '2026-001',
      metadata: { total: 129.9 },
    });
    assert.equal(span.metadata.total, 129.9);
    assert.equal(span.owner_id, 'alice');
    const found: Span<Invoice>[] = [];
    for await (const invoice of ledger.timeline<Invoice>({ entity_type: 'invoice' })) found.push(invoice);
    assert.deepEqual(found, [span]);
  });

  it('appends many, reports the faulty ones, and lists over as many pages as it takes', async () => {
    const client = await clientOf('lister');
    const drafts = Array.from({ length: 120 }, (_, index) => note(index % 50 === 7 ? '' : `n${index}`));
    const { spans, refused } = await client.appendAll(drafts);
    assert.deepEqual([spans.length, refused.length], [117, 3]);
    for (const { draft, error } of refused) {
      assert.deepEqual([draft.this, error.status, error.errors[0]?.pointer], ['', 400, '/this']);
    }
    const listed = new Set<string>();
    for await (const span of client.timeline({ who: 'test', order: 'asc', limit: 50 })) listed.add(span.id);
    assert.deepEqual(listed, new Set(spans.map(({ id }) => id)));
  });

  it('appends versions of an entity, each after the newest, also with concurrent writers', async () => {
    const { id } = await ledger.append({ ...note('counter'), metadata: { count: 0 } });
    const other = await clientOf('alice');
    const add = (client: LogLine) =>
      client
        .entity<{ metadata: { count: number } }>(id)
        .append(({ metadata: { count } }) => ({ ...note('counter'), metadata: { count: count + 1 } }));
    await Promise.all([ledger, other, ledger, other, ledger].map(add));
    const versions = [];
    for await (const { seq, metadata } of ledger.entity(id)) versions.push([seq, metadata]);
    assert.deepEqual(
      versions,
      [5, 4, 3, 2, 1, 0].map((count) => [count, { count }]),
    );
  });

  it("throws the ledger's error", async () => {
    const missing = ledger.entity('00000000-0000-4000-8000-00000000ffff').latest();
    await assert.rejects(missing, (error) => error instanceof LogLineError && error.status === 404);
  });

  it('follows the feed from its start, and continues after any span without a repeat', async () => {
    const client = await clientOf('follower', 'feedland');
    await client.appendAll(Array.from({ length: 25 }, (_, index) => note(`n${index}`)));
    const read = async (count: number, from: string) => {
      const read: { thing: string; cursor: string }[] = [];
      for await (const { span, cursor } of client.subscribe({ from, who: 'test', limit: 10 })) {
        read.push({ thing: span.this, cursor });
        if (read.length === count) break;
      }
      return read;
    };
    const all = await read(25, 'start');
    assert.deepEqual(
      all.map(({ thing }) => thing),
      Array.from({ length: 25 }, (_, index) => `n${index}`),
    );
    for (const at of [0, 4, 9, 10, 23]) {
      const [next] = await read(1, all[at]?.cursor ?? '');
      assert.equal(next?.thing, `n${at + 1}`);
    }
  });

  it('reports when it has caught up, and then delivers new spans', async () => {
    const client = await clientOf('waiter', 'feedland');
    const stop = new AbortController();
    const seen: string[] = [];
    let caughtUp = 0;
    const following = (async () => {
      const options = {
        entity_type: 'late',
        signal: stop.signal,
        onCaughtUp: () => {
          caughtUp += 1;
          if (caughtUp === 1) void client.append({ ...note('after'), entity_type: 'late' });
        },
      };
      for await (const { span } of client.subscribe(options)) {
        seen.push(span.this);
        stop.abort(new Error('seen'));
      }
    })();
    await assert.rejects(following, /seen/);
    assert.deepEqual([seen, caughtUp], [['after'], 1]);
  });

  it('follows from the end, in a request that waits for the next span', async () => {
    const client = await clientOf('tail', 'endland');
    await client.append(note('before'));
    const stop = new AbortController();
    asked.length = 0;
    const following = client.subscribe({ from: 'end', signal: stop.signal, onCaughtUp: () => void append() });
    const append = async () => {
      // Wait until the client waits: its second request is the one that is held.
      while (asked.filter((one) => one.includes('/api/timeline')).length < 2)
        await new Promise((resolve) => setImmediate(resolve));
      await client.append(note('after'));
    };
    const { value } = await following.next();
    assert.equal(value?.span.this, 'after');
    const [first, second, ...more] = asked.filter((one) => one.includes('/api/timeline'));
    assert.match(first ?? '', /from=end/);
    assert.match(second ?? '', /cursor=/);
    assert.deepEqual(more, [], 'it polled instead of waiting');
    stop.abort();
  });

  it('gzips large bodies, and retries once with a fresh token when one is refused', async () => {
    const encodings: (string | null)[] = [];
    const tokens = ['bad', await stage0.token('large', 'acme')];
    const client = new LogLine({
      url: 'http://localhost',
      token: () => (tokens.length > 1 ? tokens.shift() : tokens[0]) ?? '',
      fetch: async (input, init) => {
        encodings.push(new Headers(init?.headers).get('content-encoding'));
        return stage0.fetch(new Request(input, init));
      },
    });
    const { spans, refused } = await client.appendAll(
      Array.from({ length: 8 }, (_, index) => ({ ...note(`n${index}`), description: 'x'.repeat(500_000) })),
    );
    assert.deepEqual([spans.length, refused.length], [8, 0]);
    assert.deepEqual(
      spans.map(({ this: thing }) => thing),
      ['n0', 'n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7'],
    );
    assert.deepEqual([...new Set(encodings)], ['gzip']);
    assert.equal(tokens.length, 1);
  });

  it("reads its own writes, by the ledger's position", async () => {
    const sent: (string | null)[] = [];
    const client = new LogLine({
      url: 'http://localhost',
      token: await stage0.token('reader', 'acme'),
      fetch: async (input, init) => {
        sent.push(new Headers(init?.headers).get('x-logline-at-least'));
        return stage0.fetch(new Request(input, init));
      },
    });
    const { id } = await client.append(note('mine'));
    assert.equal((await client.entity(id).latest()).this, 'mine');
    assert.equal(sent[0], null);
    assert.ok((sent[1] ?? '').length > 20, 'the position did not go along');
  });
});
