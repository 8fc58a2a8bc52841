import assert from 'node:assert/strict';
import { Database } from '../../runtime/db/pool';
import {
  combinedFilters,
  type TimelineFilter,
  type TimelineOrder,
} from '../../runtime/ledger/timeline-filter';
import type { TimelinePosition, TimelineRequest } from '../../runtime/ledger/timeline-request';
import { withClient } from '../support/sql-session';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { explainTimeline } from './explained-timeline';

const ROWS = 40_000;
const LIMIT = 50;
const ORDERS: readonly TimelineOrder[] = ['desc', 'asc', 'feed'];
/** A page reads three ranges of at most LIMIT + 1 rows; each row costs its index entry, its page, and a check for deletion. */
const MAX_BUFFERS = 10 * (LIMIT + 1);

/** One tenant has 1 row in 500, five share the rest; deterministic, without correlated columns. */
const FILL = `
  INSERT INTO ledger.universal_registry (id, seq, entity_type, who, did, parent_id, related_to, trace_id, this, at,
    owner_id, tenant_id, visibility, status, name, curr_hash, signature, public_key)
  SELECT ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, 0, 'kind_' || (h >> 1) % 10,
    CASE WHEN (h >> 2) % 5000 = 0 THEN 'auditor' ELSE 'agent_' || (h >> 2) % 40 END,
    CASE WHEN (h >> 3) % 5000 = 0 THEN 'escalated' ELSE 'verb_' || (h >> 3) % 10 END,
    CASE WHEN i > 100 THEN ('00000000-0000-4000-8000-' || lpad((h % 60)::text, 12, '0'))::uuid END,
    CASE WHEN i > 100 AND (h >> 4) % 5 = 0 THEN
      ARRAY[('00000000-0000-4000-8000-' || lpad(((h >> 6) % 60)::text, 12, '0'))::uuid] END,
    'trace_' || i / 8, 't', timestamptz '2025-01-01Z' + i * interval '1 second',
    'user_' || (h >> 5) % 7, CASE WHEN h % 500 = 0 THEN 'small' ELSE 'large_' || h % 5 END,
    CASE WHEN (h >> 8) % 50 = 0 THEN 'public' WHEN (h >> 9) % 3 = 0 THEN 'private' ELSE 'tenant' END,
    CASE WHEN (h >> 10) % 100 = 0 THEN 'active' END, CASE WHEN (h >> 11) % 25 = 0 THEN 'name_' || (h >> 12) % 20 END,
    repeat('0', 64), repeat('0', 128), repeat('0', 64)
  FROM (SELECT i, abs(hashint8(i)::bigint) AS h FROM generate_series(1, ${ROWS}) i) numbered`;

/** The id that {@link FILL} gives a row. */
function idOfRow(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

describe('plan of a timeline page', function () {
  this.timeout(60_000);
  let testDatabase: TestDatabase;
  let database: Database;
  before(async () => {
    testDatabase = await createTestDatabase();
    await withClient(testDatabase.superuserUrl, async (superuser) => {
      await superuser.query(FILL);
      await superuser.query('VACUUM ANALYZE ledger.universal_registry');
    });
    database = new Database({ connectionString: testDatabase.appUrl, poolSize: 1 });
  });
  after(async () => {
    await database.close();
    await testDatabase.drop();
  });

  const page = (
    tenant: string,
    order: TimelineOrder,
    filter: TimelineFilter = {},
    after?: TimelinePosition,
  ) => {
    const request: TimelineRequest = {
      identity: { user: 'user_0', tenant },
      order,
      filter,
      limit: LIMIT,
      after,
    };
    return explainTimeline(database, request);
  };

  for (const tenant of ['small', 'large_1']) {
    for (const order of ORDERS) {
      it(`${tenant}, ${order}: one ordered index range for each audience, at every depth, without discarded rows`, async () => {
        const index = order === 'feed' ? 'universal_registry_feed' : 'universal_registry_timeline';
        let after: TimelinePosition | undefined;
        for (let depth = 0; depth < 4; depth += 1) {
          const explained = await page(tenant, order, {}, after);
          assert.equal(explained.page.spans.length, LIMIT);
          assert.equal(explained.scans.length, 3);
          const shape = explained.scans.map(({ type, indexes }) => `${type} ${indexes}`);
          // For a short rest of a range, sorting may cost less than reading in order.
          const isShort = order === 'feed' && tenant === 'small' && depth > 0;
          if (!isShort) assert.deepEqual(shape, Array(3).fill(`Index Scan ${index}`));
          const removed = explained.scans.reduce((sum, scan) => sum + scan.rowsRemoved, 0);
          assert.ok(removed <= (isShort ? LIMIT : 0), `${removed} rows removed: ${shape.join()}`);
          const maxBuffers = isShort ? 4 * MAX_BUFFERS : MAX_BUFFERS;
          assert.ok(explained.buffers <= maxBuffers, `${explained.buffers} buffers: ${shape.join()}`);
          after = explained.page.next;
        }
      });
    }
  }

  /** Every filter with a frequent value and, where it matters, a rare one. */
  const filters: readonly (readonly [index: string, filter: TimelineFilter])[] = [
    ['entity_type', { entity_type: 'kind_3' }],
    ['status', { status: 'active' }],
    ['who', { who: 'agent_3' }],
    ['who', { who: 'auditor' }],
    ['did', { did: 'verb_2' }],
    ['did', { did: 'escalated' }],
    ['name', { name: 'name_3' }],
    ['trace_id', { trace_id: 'trace_77' }],
    ['parent_id', { parent_id: idOfRow(30) }],
    ['pkey', { related_to: idOfRow(50) }],
    ['owner_id', { owner_id: 'user_5' }],
    ['timeline', { visibility: 'tenant' }],
    ['timeline', { visibility: 'public' }],
    ['tenant_id', { tenant_id: 'large_2' }],
    ['timeline', { since: '2025-01-01T05:00:00.000Z', until: '2025-01-01T06:00:00.000Z' }],
  ];
  for (const [index, filter] of filters) {
    it(`filter ${JSON.stringify(filter)}: one ordered range, without reading other tenants' rows`, async () => {
      for (const tenant of ['small', 'large_1']) {
        for (const order of ['desc', 'asc'] as const) {
          const explained = await page(tenant, order, filter);
          for (const scan of explained.scans) {
            assert.deepEqual([scan.type, scan.indexes], ['Index Scan', [`universal_registry_${index}`]]);
          }
          const removed = explained.scans.reduce((sum, scan) => sum + scan.rowsRemoved, 0);
          assert.equal(removed, 0, `${tenant} ${order}: ${removed} rows removed by filter`);
          assert.ok(explained.buffers <= MAX_BUFFERS, `${tenant} ${order}: ${explained.buffers} buffers`);
        }
      }
    });
  }

  it('several values of a filter: an ordered range for each value and audience, foreign rows are not even looked at', async () => {
    for (const order of ['desc', 'asc'] as const) {
      const explained = await explainTimeline(database, {
        identity: { user: 'user_0', tenant: 'large_1' },
        order,
        filter: {},
        anyOf: combinedFilters({ who: ['agent_3', 'auditor', 'agent_9'] }),
        limit: LIMIT,
        after: undefined,
      });
      assert.equal(explained.page.spans.length, LIMIT);
      assert.equal(explained.scans.length, 9);
      for (const scan of explained.scans)
        assert.deepEqual(
          [scan.type, scan.indexes, scan.rowsRemoved],
          ['Index Scan', ['universal_registry_who'], 0],
        );
      assert.ok(explained.buffers <= 3 * MAX_BUFFERS, `${explained.buffers} buffers`);
    }
  });

  it('own owner_id and tenant_id: conditions that the audience implies are not checked again', async () => {
    for (const filter of [{ owner_id: 'user_0' }, { tenant_id: 'large_1' }]) {
      const explained = await page('large_1', 'desc', filter);
      assert.ok(explained.scans.some(({ indexes }) => indexes.includes('universal_registry_timeline')));
      assert.equal(
        explained.scans.reduce((sum, scan) => sum + scan.rowsRemoved, 0),
        0,
      );
    }
  });

  it('impossible filters read nothing', async () => {
    const explained = await page('large_1', 'desc', { visibility: 'private', tenant_id: 'large_2' });
    assert.deepEqual([explained.scans.length, explained.page.spans.length], [0, 0]);
  });
});
