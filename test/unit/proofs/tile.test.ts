import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  parseTilePath,
  TILE_HEIGHT,
  type TileId,
  tileOfNode,
  tilePath,
  tileWidth,
} from '../../../runtime/proofs/tile';

/** Every tile, partial ones included, of a tree of this size, level by level. */
function* tilesOf(size: number): Generator<TileId> {
  for (let level = 0; Math.floor(size / 2 ** (TILE_HEIGHT * level)) > 0; level += 1) {
    for (let index = 0; ; index += 1) {
      const width = tileWidth(level, index, size);
      if (width === 0) break;
      yield { level, index, width };
    }
  }
}

describe('tile', () => {
  it('must have the paths of tlog-tiles', () => {
    assert.equal(tilePath(0, 0), 'tile/0/000');
    assert.equal(tilePath(1, 1_234_067), 'tile/1/x001/x234/067');
    assert.equal(tilePath(0, 999), 'tile/0/999');
    assert.equal(tilePath(0, 1_000, 17), 'tile/0/x001/000.p/17');
    assert.equal(tilePath('entries', 5, 3), 'tile/entries/005.p/3');
  });

  it('must be found again by its path', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.constant('entries' as const), fc.nat(63)),
        fc.nat({ max: Number.MAX_SAFE_INTEGER }),
        fc.integer({ min: 1, max: 256 }),
        (level, index, width) => {
          const path = tilePath(level, index, width);
          assert.deepEqual(parseTilePath(path.slice('tile/'.length)), { level, index, width });
        },
      ),
    );
  });

  for (const path of [
    '',
    '0',
    '0/0',
    '0/00',
    '0/0000',
    '0/x000/001',
    '0/001/234',
    '0/x001',
    '00/000',
    '64/000',
    '-1/000',
    '0/000.p/0',
    '0/000.p/256',
    '0/000.p/01',
    '0/000.p/',
    '0/000/',
    '0/../000',
    'entry/000',
    '0/x999/x999/x999/x999/x999/x999/999',
  ]) {
    it(`must not be found at ${path || 'an empty path'}`, () => {
      assert.throws(() => parseTilePath(path), /A tile is/);
    });
  }

  it('must cover every node of a tree exactly once', () => {
    const size = 70_000;
    const tiles = [...tilesOf(size)];
    assert.deepEqual(
      tiles.filter(({ width }) => width < 256),
      [
        { level: 0, index: 273, width: 112 },
        { level: 1, index: 1, width: 17 },
        { level: 2, index: 0, width: 1 },
      ],
    );
    assert.equal(tiles.length, 274 + 2 + 1);
    assert.equal(tileWidth(0, 274, size), 0);
    assert.equal(tileWidth(1, 0, 65_535), 255);
  });

  it('must hold the nodes of eight levels', () => {
    assert.deepEqual(tileOfNode({ level: 0, index: 300 }), { level: 0, index: 1, begin: 44, end: 45 });
    assert.deepEqual(tileOfNode({ level: 7, index: 3 }), { level: 0, index: 1, begin: 128, end: 256 });
    assert.deepEqual(tileOfNode({ level: 8, index: 3 }), { level: 1, index: 0, begin: 3, end: 4 });
  });
});
