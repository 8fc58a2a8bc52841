import assert from 'node:assert/strict';
import { sha256 } from '../../../runtime/crypto/sha256';
import { Frontier } from '../../../runtime/proofs/frontier';
import { GrowingLog, type NewTile, pendingRanges } from '../../../runtime/proofs/growing-log';
import { leafHash, nodeHash } from '../../../runtime/proofs/merkle-hash';

const SIZE = 256 * 256 + 300;
const leafOf = (position: number): Uint8Array => leafHash(sha256, Buffer.from(`leaf ${position}`));

/** Hashes of a level of the tree, complete nodes only. */
function levels(leaves: readonly Uint8Array[]): Uint8Array[][] {
  const rows: Uint8Array[][] = [[...leaves]];
  for (let row = rows[0] ?? []; row.length > 1; ) {
    const above: Uint8Array[] = [];
    for (let at = 0; at + 1 < row.length; at += 2) {
      const [left, right] = [row[at], row[at + 1]];
      if (left && right) above.push(nodeHash(sha256, left, right));
    }
    rows.push(above);
    row = above;
  }
  return rows;
}

describe('growing log', () => {
  it('must make each full tile once, at every level, however it is cut into batches', () => {
    const leaves = Array.from({ length: SIZE }, (_, position) => leafOf(position));
    const rows = levels(leaves);
    const tiles: NewTile[] = [];
    let size = 0;
    let frontier: readonly Uint8Array[] = [];
    for (const count of [1, 254, 1, 1, 600, 20_000, 44_000, SIZE]) {
      const next = Math.min(size + count, SIZE);
      const pending = pendingRanges(size, next).map(
        ({ level, from, to }) => rows[8 * level]?.slice(from, to) ?? [],
      );
      const log = new GrowingLog(sha256, size, frontier, pending);
      for (const leaf of leaves.slice(size, next)) log.add(leaf);
      tiles.push(...log.tiles);
      [size, frontier] = [next, log.frontier.hashes];
    }
    assert.equal(tiles.length, Math.floor(SIZE / 256) + 1);
    for (const { level, index, root, hashes } of tiles) {
      assert.deepEqual(hashes, rows[8 * level]?.slice(256 * index, 256 * (index + 1)));
      assert.deepEqual(root, rows[8 * (level + 1)]?.[index]);
    }
    const whole = new Frontier(sha256);
    for (const leaf of leaves) whole.add(leaf);
    assert.deepEqual(new Frontier(sha256, SIZE, frontier).root(), whole.root());
  }).timeout(60_000);

  it('must need nothing of tiles that do not become full', () => {
    assert.deepEqual(pendingRanges(10, 200), []);
    assert.deepEqual(pendingRanges(10, 256), [{ level: 0, from: 0, to: 10 }]);
    assert.deepEqual(pendingRanges(65_530, 65_537), [
      { level: 0, from: 65_280, to: 65_530 },
      { level: 1, from: 0, to: 255 },
    ]);
  });

  it('must refuse to close a tile whose hashes it was not given', () => {
    const log = new GrowingLog(sha256, 0, [], []);
    assert.throws(() => {
      for (let position = 0; position < 256; position += 1) log.add(leafOf(position));
    }, /not expected to be full/);
  });
});
