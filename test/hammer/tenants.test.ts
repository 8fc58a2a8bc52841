import assert from 'node:assert/strict';
import { createTestLog, type TestLog } from '../support/test-log';

/** `LOGLINE_HAMMER_TENANTS=100000 npm test -- test/hammer/tenants.test.ts` runs it in full. */
const TENANTS = Number(process.env.LOGLINE_HAMMER_TENANTS ?? 500);
/** Appends in flight. */
const AT_ONCE = 64;

describe('a log for each of very many tenants', function () {
  this.timeout(600_000);
  let log: TestLog;
  before(async () => {
    log = await createTestLog();
  });
  after(() => log.close());

  it(`holds its one span, is signed, and stands alone (${TENANTS} tenants)`, async () => {
    const ids = new Map<string, string>();
    let next = 0;
    const append = async () => {
      for (let number = next++; number < TENANTS; number = next++) {
        const tenant = `tenant-${number}`;
        const token = await log.stage0.token('alice', tenant);
        const body = { entity_type: 'note', who: 'alice', this: tenant };
        const answer = await log.stage0.call('/api/spans', { token, body });
        assert.equal(answer.status, 201, JSON.stringify(answer.body));
        ids.set(tenant, answer.body.span.id);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, append));
    const begin = performance.now();
    assert.ok((await log.seal()) >= TENANTS);
    const sealedS = (performance.now() - begin) / 1_000;
    if (TENANTS > 1_000) console.log(`      sealed in ${sealedS.toFixed(1)} s`);
    assert.ok((await log.audit()) >= TENANTS);
    assert.deepEqual(log.mismatches, []);
    for (const number of [0, 1, Math.floor(TENANTS / 2), TENANTS - 1]) {
      const tenant = `tenant-${number}`;
      const reader = log.reader(tenant);
      const { size } = await reader.checkpoint();
      assert.equal(size, 1);
      assert.ok((await reader.entries({ index: 0, width: 1 })).length > 2);
      const token = await log.stage0.token('alice', tenant);
      const proof = await log.stage0.call(`/api/spans/${ids.get(tenant)}/proof`, {
        token,
        headers: { accept: 'application/json' },
      });
      assert.equal(proof.status, 200);
      assert.deepEqual([proof.body.index, proof.body.size, proof.body.hashes], [0, 1, []]);
      const other = await log.stage0.token('alice', `tenant-${(number + 1) % TENANTS}`);
      assert.equal((await log.stage0.call(`/api/log/${tenant}/checkpoint`, { token: other })).status, 404);
    }
  });
});
