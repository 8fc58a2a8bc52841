import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { assertProblem } from '../support/problem';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

const good = { entity_type: 'note', who: 'alice', this: 'hello' };
const ORDERS = ['desc', 'asc', 'feed'];

describe('listing', () => {
  let stage0: TestStage0;
  let token: string;
  before(async () => {
    stage0 = await createTestStage0();
    token = await stage0.token('alice', 'acme');
  });
  after(() => stage0.close());

  const post = (body: unknown, by: string = token) => stage0.call('/api/spans', { token: by, body });
  const list = (query: string, by: string = token) => stage0.call(`/api/timeline?${query}`, { token: by });
  const seen = (answer: { body: { spans: { this: string }[] } }) =>
    answer.body.spans.map((span) => span.this);

  /** All pages of a listing; `between` runs after each. */
  async function walk(
    query: string,
    between: () => Promise<unknown> = async () => undefined,
  ): Promise<string[]> {
    const found: string[] = [];
    let cursor = '';
    for (;;) {
      const page = await list(`${query}${cursor}`);
      assert.equal(page.status, 200, JSON.stringify(page.body));
      assert.equal(page.body.count, page.body.spans.length);
      found.push(...seen(page));
      if (!page.body.has_more) return found;
      cursor = `&cursor=${page.body.next_cursor}`;
      await between();
    }
  }

  it('refuses a limit outside 1 to 1000', async () => {
    for (const limit of [
      '0',
      '-1',
      'abc',
      '1000000000',
      '1001',
      '1.5',
      '1e2',
      '',
      '%20',
      '0x10',
      '+1',
      '01',
      '٣',
    ]) {
      assertProblem(await list(`limit=${limit}`), 400, ['/limit']);
    }
    for (const limit of ['1', '1000']) assert.equal((await list(`limit=${limit}`)).status, 200);
  });

  it('refuses every bad parameter at once, an unknown one, and one given twice', async () => {
    assertProblem(await list('limit=0&order=up&visibility=secret&parent_id=x&nonsense=1'), 400, [
      '/limit',
      '/order',
      '/visibility',
      '/parent_id',
      '/nonsense',
    ]);
    assertProblem(await list('since=yesterday&until=2025-02-30T00:00:00Z'), 400, ['/since', '/until']);
    assertProblem(await list('limit=1&limit=2'), 400, ['/limit']);
    assertProblem(await list('who=%00'), 400, ['/who']);
    assertProblem(await list('who=%ff'), 400, ['/who']);
    assertProblem(await list('__proto__=1'), 400, ['/__proto__']);
  });

  it('goes by (at, id, seq), newest first unless asked otherwise, and 100 spans a page', async () => {
    const at = (second: number) => new Date(Date.UTC(2020, 0, 1, 0, 0, second)).toISOString();
    // Equal timestamps, so that the id decides the order.
    const spans = Array.from({ length: 130 }, (_, i) => ({
      ...good,
      entity_type: 'ordered',
      this: `${i}`,
      at: at((i * 7) % 13),
    }));
    const posted = (await post(spans)).body.spans as { at: string; id: string; this: string }[];
    const ascending = posted.sort((a, b) => (a.at + a.id < b.at + b.id ? -1 : 1)).map((span) => span.this);
    assert.deepEqual(await walk('entity_type=ordered&order=asc&limit=37'), ascending);
    assert.deepEqual(await walk('entity_type=ordered&limit=37'), ascending.toReversed());
    const page = await list('entity_type=ordered');
    assert.equal(page.body.count, 100);
    assert.equal(page.body.has_more, true);
    assert.deepEqual(seen(page), ascending.toReversed().slice(0, 100));
  });

  it('says has_more and next_cursor exactly: a last page that is full has neither', async () => {
    await post(Array.from({ length: 20 }, () => ({ ...good, entity_type: 'exact' })));
    const first = await list('entity_type=exact&limit=10');
    const last = await list(`entity_type=exact&limit=10&cursor=${first.body.next_cursor}`);
    assert.deepEqual([first.body.has_more, last.body.has_more, last.body.next_cursor], [true, false, null]);
    assert.deepEqual((await list('entity_type=nothing_of_this_kind')).body, {
      spans: [],
      count: 0,
      has_more: false,
      next_cursor: null,
    });
  });

  it('each filter selects its matches, and several filters must all match', async () => {
    const parent = randomUUID();
    const related = randomUUID();
    const members = {
      status: 'active',
      did: 'wrote',
      trace_id: 'trace',
      parent_id: parent,
      name: 'the-name',
      visibility: 'tenant',
    };
    const wanted = {
      ...good,
      entity_type: 'filtered',
      who: 'w',
      this: 'wanted',
      related_to: [randomUUID(), related],
      at: '2021-05-05T05:05:05.005Z',
      ...members,
    };
    await post([wanted, { ...good, entity_type: 'filtered', this: 'other', at: '2021-05-06T05:05:05.005Z' }]);
    const filters: Record<string, string> = {
      entity_type: 'filtered',
      who: 'w',
      related_to: related.toUpperCase(),
      owner_id: 'alice',
      tenant_id: 'acme',
      ...members,
      parent_id: parent.toUpperCase(),
    };
    for (const order of ORDERS) {
      for (const [name, value] of Object.entries(filters)) {
        const found = await list(
          `order=${order}&entity_type=filtered${name === 'entity_type' ? '' : `&${name}=${value}`}`,
        );
        const expected = ['entity_type', 'owner_id', 'tenant_id'].includes(name)
          ? ['other', 'wanted']
          : ['wanted'];
        assert.deepEqual(seen(found).sort(), expected, `${order} ${name}`);
      }
      assert.deepEqual(seen(await list(`order=${order}&${new URLSearchParams(filters)}`)), ['wanted']);
      assert.deepEqual(
        seen(await list(`order=${order}&${new URLSearchParams({ ...filters, status: 'x' })}`)),
        [],
      );
    }
    // since is inclusive, until exclusive; every notation of a timestamp works.
    const between = (since: string, until: string) =>
      list(`entity_type=filtered&${new URLSearchParams({ since, until })}`);
    assert.deepEqual(seen(await between('2021-05-05T05:05:05.005Z', '2021-05-06T05:05:05.005Z')), ['wanted']);
    assert.deepEqual(seen(await between('2021-05-05T07:05:05.006+02:00', '2021-05-06T05:05:05.006Z')), [
      'other',
    ]);
  });

  for (const order of ['desc', 'asc']) {
    it(`${order} is one snapshot: later appends and deletions do not change later pages`, async () => {
      const entity_type = `snapshot_${order}`;
      const moment = (n: number) => new Date(Date.UTC(2022, 0, 1) + n * 1000).toISOString();
      const spans = Array.from({ length: 30 }, (_, i) => ({
        ...good,
        entity_type,
        this: `${i}`,
        at: moment(i),
        id: randomUUID(),
      }));
      await post(spans);
      const expected = spans.map((span) => span.this);
      if (order === 'desc') expected.reverse();
      let round = 0;
      const found = await walk(`entity_type=${entity_type}&order=${order}&limit=7`, async () => {
        round += 1;
        // Across the range: before, between and after the listed spans, with deletions on both sides.
        await post(
          Array.from({ length: 32 }, (_, i) => ({
            ...good,
            entity_type,
            this: `late ${round}`,
            at: moment(i - 1),
          })),
        );
        for (const index of [round, 29 - round]) {
          const doomed = spans[index];
          assert.equal((await post({ ...doomed, seq: 1, this: 'deletion', is_deleted: true })).status, 201);
        }
      });
      assert.deepEqual(found, expected);
      const fresh = await walk(`entity_type=${entity_type}&order=${order}`);
      assert.ok(fresh.includes('late 1') && !fresh.includes('1'));
    });
  }

  describe('cursor', () => {
    let cursors: Record<string, string>;
    before(async () => {
      await post(
        Array.from({ length: 30 }, () => ({ ...good, entity_type: 'cursed', visibility: 'public' })),
      );
      cursors = {};
      for (const order of ORDERS) {
        cursors[order] = (await list(`entity_type=cursed&limit=5&order=${order}`)).body.next_cursor;
      }
    });
    const refused = async (query: string, cursor: string, by?: string) =>
      assertProblem(await list(`${query}&cursor=${encodeURIComponent(cursor)}`, by), 400, ['/cursor']);

    it('is good for its own query, also with another limit', async () => {
      for (const order of ORDERS) {
        assert.equal(
          (await list(`entity_type=cursed&limit=9&order=${order}&cursor=${cursors[order]}`)).status,
          200,
        );
      }
    });

    it('that was edited anywhere is refused', async () => {
      for (const order of ORDERS) {
        const cursor = cursors[order] ?? '';
        for (let at = 0; at < cursor.length; at += 1) {
          const edited = cursor.slice(0, at) + (cursor[at] === 'A' ? 'B' : 'A') + cursor.slice(at + 1);
          await refused(`entity_type=cursed&order=${order}`, edited);
        }
        for (const edited of [
          cursor.slice(0, -4),
          `${cursor}AAAA`,
          `${cursor}=`,
          ` ${cursor}`,
          cursor.toUpperCase(),
        ]) {
          await refused(`entity_type=cursed&order=${order}`, edited);
        }
      }
    });

    it('that never was one is refused', async () => {
      const handmade = Buffer.from(JSON.stringify(['feed', '0', '0'])).toString('base64url');
      for (const cursor of ['x', 'null', handmade, `${'A'.repeat(22)}${handmade}`, 'A'.repeat(6_001), '😀']) {
        await refused('order=feed', cursor);
      }
      assertProblem(await list('cursor='), 400, ['/cursor']);
    });

    it('of another query, another order or another caller is refused', async () => {
      for (const order of ORDERS) {
        const cursor = cursors[order] ?? '';
        await refused(`order=${order}`, cursor);
        await refused(`entity_type=other&order=${order}`, cursor);
        await refused(`entity_type=cursed&who=alice&order=${order}`, cursor);
        for (const other of ORDERS.filter((name) => name !== order))
          await refused(`entity_type=cursed&order=${other}`, cursor);
        for (const [user, tenant] of [
          ['bob', 'acme'],
          ['alice', 'globex'],
        ] as const) {
          await refused(`entity_type=cursed&order=${order}`, cursor, await stage0.token(user, tenant));
        }
        const anonymous = await stage0.call(
          `/api/timeline?entity_type=cursed&order=${order}&cursor=${cursor}`,
        );
        assertProblem(anonymous, 400, ['/cursor']);
      }
    });

    it('of another instance is refused', async () => {
      const other = await createTestStage0();
      try {
        const asked = `/api/timeline?entity_type=cursed&cursor=${cursors.desc}`;
        assertProblem(await other.call(asked, { token: await other.token('alice', 'acme') }), 400, [
          '/cursor',
        ]);
      } finally {
        await other.close();
      }
    });
  });
});
