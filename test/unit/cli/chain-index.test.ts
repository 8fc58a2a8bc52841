import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type ChainFault, ChainIndex, type ChainLink } from '../../../cli/verify/chain-index';

describe('ChainIndex', () => {
  const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

  function link(entity: number, seq: number): ChainLink {
    return {
      id: digest(`entity ${entity}`).slice(0, 32),
      seq,
      prevHash: seq === 0 ? undefined : digest(`${entity}/${seq - 1}`),
      currHash: digest(`${entity}/${seq}`),
      owner: '00'.repeat(8),
      isComplete: true,
    };
  }

  for (const [title, memoryBytes] of [
    ['in memory', 64 * 1024 * 1024],
    ['on disk', 4_000],
  ] as const) {
    it(`finds the one broken chain among thousands, ${title}`, () => {
      const index = new ChainIndex(memoryBytes);
      const faults: ChainFault[] = [];
      try {
        for (let seq = 0; seq < 3; seq += 1) {
          for (let entity = 0; entity < 1_000; entity += 1) {
            if (entity !== 700 || seq !== 1) index.add(link(entity, seq));
          }
        }
        const report = index.check((fault) => faults.push(fault));
        assert.equal(report.entities, 1_000);
      } finally {
        index.close();
      }
      assert.deepEqual(
        faults.map(({ id, seq, detail }) => ({ id: id.replaceAll('-', ''), seq, detail })),
        [{ id: link(700, 0).id, seq: 2, detail: 'gap: version 1 is missing' }],
      );
    });
  }
});
