import assert from 'node:assert/strict';
import fc from 'fast-check';
import { hex, toU8 } from '../../../runtime/crypto';
import { sha256 } from '../../../runtime/crypto/sha256';
import { Frontier } from '../../../runtime/proofs/frontier';
import { emptyRoot, leafHash, nodeHash } from '../../../runtime/proofs/merkle-hash';
import { consistencyPath, foldNodes, inclusionPath, rootPath } from '../../../runtime/proofs/merkle-path';
import { verifyConsistency, verifyInclusion } from '../../../runtime/proofs/merkle-proof';
import { readVectors } from '../../vectors/read-vectors';

interface InclusionCase {
  readonly file: string;
  readonly leafIdx: number;
  readonly treeSize: number;
  readonly root: string;
  readonly leafHash: string;
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}

interface ConsistencyCase {
  readonly file: string;
  readonly size1: number;
  readonly size2: number;
  readonly root1: string;
  readonly root2: string;
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}

const vectors = readVectors<{ inclusion: InclusionCase[]; consistency: ConsistencyCase[] }>(
  'merkle-proofs.json',
);
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'));

/** The leaves of RFC 6962's reference tests. */
const REFERENCE_LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map(toU8);

const leafOf = (position: number): Uint8Array => leafHash(sha256, Buffer.from(`leaf ${position}`));
const MOST = 70;
const LEAVES = Array.from({ length: MOST }, (_, position) => leafOf(position));

/** The definition of RFC 6962 section 2.1, word for word. */
function rootByDefinition(leaves: readonly Uint8Array[]): Uint8Array {
  const [only] = leaves;
  if (only === undefined) return emptyRoot(sha256);
  if (leaves.length === 1) return only;
  let width = 1;
  while (width * 2 < leaves.length) width *= 2;
  return nodeHash(sha256, rootByDefinition(leaves.slice(0, width)), rootByDefinition(leaves.slice(width)));
}

const hashesOfPath = (path: ReturnType<typeof inclusionPath>): Uint8Array[] =>
  path.map((step) =>
    foldNodes(
      sha256,
      step.map(({ level, index }) =>
        rootByDefinition(LEAVES.slice(index * 2 ** level, (index + 1) * 2 ** level)),
      ),
    ),
  );

describe('Merkle tree', () => {
  it('must have the roots of RFC 6962', () => {
    assert.equal(hex(emptyRoot(sha256)), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    const frontier = new Frontier(sha256);
    for (const leaf of REFERENCE_LEAVES) frontier.add(leafHash(sha256, leaf));
    assert.equal(hex(frontier.root()), '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328');
  });

  it('must have the same root by its frontier, by its complete nodes and by definition', () => {
    const frontier = new Frontier(sha256);
    for (const [position, leaf] of LEAVES.entries()) {
      const nodes = frontier.add(leaf);
      const size = position + 1;
      const expected = hex(rootByDefinition(LEAVES.slice(0, size)));
      assert.equal(hex(frontier.root()), expected);
      assert.equal(hex(hashesOfPath([rootPath(size)])[0] ?? Uint8Array.of()), expected);
      assert.equal(hex(new Frontier(sha256, size, frontier.hashes).root()), expected);
      for (const { level, index, hash } of nodes) {
        assert.deepEqual(hash, rootByDefinition(LEAVES.slice(index * 2 ** level, (index + 1) * 2 ** level)));
      }
    }
  });

  it('must refuse a frontier that does not fit its size', () => {
    assert.throws(() => new Frontier(sha256, 3, [leafOf(0)]), TypeError);
    assert.throws(() => new Frontier(sha256, 1, [Uint8Array.of(1)]), TypeError);
  });
});

describe('inclusion proof', () => {
  for (const test of vectors.inclusion) {
    it(`must be ${test.wantErr ? 'refused' : 'accepted'}: ${test.file}`, async () => {
      const claim = {
        leaf: bytesOf(test.leafHash),
        index: test.leafIdx,
        size: test.treeSize,
        root: bytesOf(test.root),
      };
      assert.equal(await verifyInclusion(sha256, claim, (test.proof ?? []).map(bytesOf)), !test.wantErr);
    });
  }

  it('must hold for every leaf of every tree up to 70 leaves, and for no other leaf', async () => {
    for (let size = 1; size <= MOST; size += 1) {
      const root = rootByDefinition(LEAVES.slice(0, size));
      for (let index = 0; index < size; index += 1) {
        const hashes = hashesOfPath(inclusionPath(index, size));
        const claim = { leaf: leafOf(index), index, size, root };
        const holds = (more: object) => verifyInclusion(sha256, { ...claim, ...more }, hashes);
        assert.ok(await holds({}), `${index} of ${size}`);
        assert.ok(!(await holds({ leaf: leafOf(index + 1) })));
        assert.ok(!(await holds({ index: (index + 1) % size })) || size === 1);
      }
    }
  });

  it('must be found for positions above 2^31', () => {
    const size = 2 ** 40 + 3;
    const path = inclusionPath(2 ** 40 + 1, size);
    assert.deepEqual(path.at(-1), [{ level: 40, index: 0 }]);
    assert.throws(() => inclusionPath(size, size), /no leaf at position/);
  });
});

describe('consistency proof', () => {
  for (const test of vectors.consistency) {
    it(`must be ${test.wantErr ? 'refused' : 'accepted'}: ${test.file}`, () => {
      const claim = {
        from: test.size1,
        fromRoot: bytesOf(test.root1),
        to: test.size2,
        toRoot: bytesOf(test.root2),
      };
      assert.equal(verifyConsistency(sha256, claim, (test.proof ?? []).map(bytesOf)), !test.wantErr);
    });
  }

  it('must hold between every two trees up to 70 leaves, empty ones included', () => {
    for (let to = 0; to <= MOST; to += 1) {
      for (let from = 0; from <= to; from += 1) {
        const fromRoot = rootByDefinition(LEAVES.slice(0, from));
        const toRoot = rootByDefinition(LEAVES.slice(0, to));
        const hashes = hashesOfPath(consistencyPath(from, to));
        assert.ok(verifyConsistency(sha256, { from, fromRoot, to, toRoot }, hashes), `${from} to ${to}`);
      }
    }
    assert.throws(() => consistencyPath(3, 2), /to a greater one/);
  });

  it('must not hold once a bit of it, of a root or of a size is another', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: MOST - 1 }),
        fc.integer({ min: 1, max: MOST }),
        fc.nat(),
        (one, other, at) => {
          fc.pre(one < other);
          const hashes = hashesOfPath(consistencyPath(one, other));
          const claim = {
            from: one,
            fromRoot: rootByDefinition(LEAVES.slice(0, one)),
            to: other,
            toRoot: rootByDefinition(LEAVES.slice(0, other)),
          };
          const flipped = [...hashes, claim.fromRoot, claim.toRoot].map((hash) => Uint8Array.from(hash));
          const victim = flipped[at % flipped.length] ?? Uint8Array.of();
          victim[at % 32] = (victim[at % 32] ?? 0) ^ (1 << (at % 8));
          const [toRoot, fromRoot] = [flipped.pop() ?? victim, flipped.pop() ?? victim];
          assert.ok(!verifyConsistency(sha256, { ...claim, fromRoot, toRoot }, flipped));
          assert.ok(!verifyConsistency(sha256, claim, [...hashes, claim.toRoot]));
          assert.ok(!verifyConsistency(sha256, { ...claim, from: one + 1 === other ? 0 : one + 1 }, hashes));
        },
      ),
    );
  });
});
