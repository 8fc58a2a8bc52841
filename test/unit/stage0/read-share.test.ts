import assert from 'node:assert/strict';
import { createFairness } from '../../../runtime/stage0/fairness';
import { withReadShare } from '../../../runtime/stage0/read-share';

const identity = { user: 'alice', tenant: 'acme' };
const MIB = 1024 * 1024;

/** How many reads of a tenant are under way at once when its pages have so many bytes. */
async function mostAtOnce(bytes: number): Promise<number> {
  const fairness = createFairness({ reads: 8 });
  const read = (work: () => Promise<number>) => withReadShare({ fairness }, identity, work, (size) => size);
  await read(async () => bytes);
  let underWay = 0;
  let most = 0;
  const reads = Array.from({ length: 12 }, () =>
    read(async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise(setImmediate);
      underWay -= 1;
      return bytes;
    }),
  );
  await Promise.all(reads);
  assert.equal(fairness.reads.held, 0);
  return most;
}

describe('share of the reads', () => {
  it('half of all reads are open to a tenant that is alone', async () => {
    assert.equal(await mostAtOnce(1_000), 4);
  });

  it('a tenant that reads large pages has half as many under way', async () => {
    assert.equal(await mostAtOnce(MIB), 2);
  });
});
