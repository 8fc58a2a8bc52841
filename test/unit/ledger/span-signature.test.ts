import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MalformedError } from '../../../runtime/base/errors';
import type { JsonValue, SignedSpan, Span } from '../../../runtime/base/span';
import {
  blake3,
  cryptoReady,
  generateSigningKey,
  hex,
  signingKeyFromHex,
  utf8,
} from '../../../runtime/crypto';
import { payloadOf } from '../../../runtime/json/payload';
import { hashAndSign, hashSpan, signSpan, verifySpan } from '../../../runtime/ledger/span-signature';
import { isSealed, seal, spanHash } from './independent-span-check';

const SEED = new Uint8Array(32).fill(3);
const key = signingKeyFromHex(hex(SEED));

const span: Span = {
  id: '0192f0e1-7a11-7111-8111-0123456789ab',
  seq: 2,
  entity_type: 'note',
  who: 'alice',
  did: 'wrote',
  this: 'a note with é, 😀 and \u2028',
  at: '2025-01-31T23:59:59.120Z',
  parent_id: '0192f0e1-7a11-7111-8111-0123456789ac',
  related_to: ['0192f0e1-7a11-7111-8111-0123456789ad'],
  owner_id: 'alice',
  tenant_id: 'acme',
  visibility: 'tenant',
  is_deleted: false,
  input: { list: [1, 2.5, { deep: [null, true, { deeper: 'text' }] }], 'a/b~c': { '': 0 } },
  metadata: { tags: ['x', 'y'], limits: { slow_ms: 5000, ratio: 1e-7 }, nothing: null },
  duration_ms: 12,
  prev_hash: 'ab'.repeat(32),
};

const timestamp = fc
  .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString());
const anySpan: fc.Arbitrary<Span> = fc.record(
  {
    id: fc.uuid(),
    seq: fc.nat(),
    entity_type: fc.string({ unit: 'grapheme' }),
    who: fc.string({ unit: 'grapheme' }),
    this: fc.string({ unit: 'grapheme' }),
    at: timestamp,
    owner_id: fc.string(),
    tenant_id: fc.string(),
    visibility: fc.constantFrom('private' as const, 'tenant' as const, 'public' as const),
    is_deleted: fc.boolean(),
    status: fc.option(fc.string()),
    parent_id: fc.option(fc.uuid()),
    related_to: fc.option(fc.array(fc.uuid())),
    metadata: fc.jsonValue({ stringUnit: 'grapheme' }) as fc.Arbitrary<JsonValue>,
    output: fc.jsonValue({ stringUnit: 'grapheme' }) as fc.Arbitrary<JsonValue>,
  },
  {
    requiredKeys: [
      'id',
      'seq',
      'entity_type',
      'who',
      'this',
      'at',
      'owner_id',
      'tenant_id',
      'visibility',
      'is_deleted',
    ],
  },
);

function fault(changed: object, options?: Parameters<typeof verifySpan>[1]): string {
  const verdict = verifySpan(changed, options);
  return verdict.ok ? 'none' : verdict.fault;
}

describe('the payload of a span', () => {
  it('must leave out hash, signature and null members, and nothing else', () => {
    const payload = payloadOf({ ...signSpan(span, key), status: null, error: null });
    assert.deepEqual(Object.keys(payload).sort(), [...Object.keys(span), 'public_key'].sort());
  });

  it('must keep nulls below the top level', () => {
    assert.deepEqual(payloadOf({ metadata: { a: null } }).metadata, { a: null });
  });

  it('must keep a member called __proto__', () => {
    const parsed: object = JSON.parse('{"__proto__":{"x":1}}');
    assert.deepEqual(Object.keys(payloadOf(parsed)), ['__proto__']);
  });
});

describe('the hash of a span', () => {
  before(cryptoReady);

  it('must stay this one for this span', () => {
    // Computed once with the independent implementation; if it changes, no stored span verifies any more.
    assert.equal(hashSpan(span), GOLDEN_HASH);
    assert.equal(hex(spanHash({ ...span })), GOLDEN_HASH);
  });

  it('must equal the independent implementation of docs/format.md on any span', () => {
    fc.assert(
      fc.property(anySpan, (any) => {
        assert.equal(hashSpan(any), hex(spanHash({ ...any })));
      }),
    );
  });

  it('must not depend on member order or on null members', () => {
    const reversed = Object.fromEntries(Object.entries(span).reverse());
    assert.equal(hashSpan(reversed), hashSpan(span));
    assert.equal(hashSpan({ ...span, status: null, code: null }), hashSpan(span));
  });

  it('must survive the way through JSON text', () => {
    fc.assert(
      fc.property(anySpan, (any) => {
        assert.equal(hashSpan(JSON.parse(JSON.stringify(any))), hashSpan(any));
      }),
    );
  });

  it('must change when any value at any depth changes', () => {
    const paths = leavesOf(span);
    assert.ok(paths.some((path) => path.length > 5));
    for (const path of paths) {
      assert.notEqual(hashSpan(changedAt(span, path)), hashSpan(span), path.join('/'));
    }
  });

  it('must not have the hole of JSON.stringify(span, Object.keys(span).sort())', () => {
    const replacerHash = (value: object) =>
      hex(blake3(utf8(JSON.stringify(value, Object.keys(value).sort()))));
    const tampered = changedAt(span, ['metadata', 'limits', 'slow_ms']);
    // The array replacer also filters nested members, so nested content would not be hashed.
    assert.equal(replacerHash(tampered), replacerHash(span));
    assert.notEqual(hashSpan(tampered), hashSpan(span));
  });
});

describe('a signed span', () => {
  before(cryptoReady);

  it('must verify, here and by the independent implementation', () => {
    const signed = signSpan(span, key);
    assert.deepEqual(verifySpan(signed), { ok: true });
    assert.equal(isSealed({ ...signed }), true);
    assert.deepEqual({ ...signed }, seal({ ...span }, SEED));
  });

  it('must verify here when the independent implementation signed it', () => {
    fc.assert(
      fc.property(anySpan, (any) => {
        const signed = seal({ ...any }, SEED);
        assert.deepEqual(verifySpan(signed), { ok: true });
        assert.deepEqual({ ...signSpan(any, key) }, signed);
      }),
      { numRuns: 20 },
    );
  });

  it('must come with equal JSON, without null members', () => {
    fc.assert(
      fc.property(anySpan, (any) => {
        const encoded = hashAndSign({ ...any, status: null }, key);
        const present = Object.entries(encoded.span).filter(([, value]) => value !== null);
        // Through JSON, which has no negative zero.
        assert.deepEqual(JSON.parse(encoded.json), JSON.parse(JSON.stringify(Object.fromEntries(present))));
        assert.deepEqual(verifySpan(JSON.parse(encoded.json)), { ok: true });
      }),
    );
  });

  it('must leave the span it was made of as it was', () => {
    const before = structuredClone(span);
    signSpan(span, key);
    assert.deepEqual(span, before);
  });

  it('must replace an older seal and take the key of the signer', () => {
    const other = generateSigningKey();
    const again = signSpan(signSpan(span, other), key);
    assert.equal(again.public_key, key.publicKeyHex);
    assert.deepEqual(again, signSpan(span, key));
  });

  it('must fail by its hash when any value at any depth is changed, added or removed', () => {
    const signed = signSpan(span, key);
    for (const path of leavesOf(span)) {
      const verdict = fault(changedAt(signed, path));
      assert.ok(verdict === 'hash' || verdict === 'malformed', `${path.join('/')}: ${verdict}`);
    }
    assert.equal(fault({ ...signed, status: 'added' }), 'hash');
    assert.equal(fault({ ...signed, not_a_column: 1 }), 'hash');
    assert.equal(fault({ ...signed, metadata: undefined }), 'hash');
    assert.equal(
      fault({ ...signed, metadata: { ...Object(signed.metadata), nothing: undefined } }),
      'malformed',
    );
  });

  it('must fail by its hash when hash or key is exchanged', () => {
    const signed = signSpan(span, key);
    assert.equal(fault({ ...signed, curr_hash: '00'.repeat(32) }), 'hash');
    assert.equal(fault({ ...signed, public_key: generateSigningKey().publicKeyHex }), 'hash');
  });

  it('must fail by its signature when content and hash were changed together', () => {
    const signed = signSpan(span, key);
    const rewritten = { ...signed, who: 'mallory' };
    assert.equal(fault({ ...rewritten, curr_hash: hashSpan(rewritten) }), 'signature');
    const other = signSpan({ ...span, seq: 3 }, key);
    assert.equal(fault({ ...signed, signature: other.signature }), 'signature');
  });

  it('must be by a trusted key where trust is asked for', () => {
    const signed = signSpan(span, key);
    assert.equal(fault(signed, { trustedKeys: new Set([key.publicKeyHex]) }), 'none');
    assert.equal(fault(signed, { trustedKeys: new Set([generateSigningKey().publicKeyHex]) }), 'untrusted');
    assert.equal(fault(signed, { trustedKeys: new Set() }), 'untrusted');
  });

  const malformed: Record<string, object> = {
    'no seal': { curr_hash: undefined, signature: undefined, public_key: undefined },
    'no signature': { signature: null },
    'an upper-case hash': { curr_hash: 'AB'.repeat(32) },
    'a short signature': { signature: 'ab' },
    'a key that is no hex': { public_key: 'zz'.repeat(32) },
    'a signature that is no text': { signature: 7 },
    'an upper-case id': { id: span.id.toUpperCase() },
    'a negative seq': { seq: -1 },
    'a fractional seq': { seq: 0.5 },
    'at without milliseconds': { at: '2025-01-31T23:59:59Z' },
    'at with microseconds': { at: '2025-01-31T23:59:59.120000Z' },
    'at with an offset': { at: '2025-01-31T23:59:59.120+00:00' },
    'at on 30 February': { at: '2025-02-30T00:00:00.000Z' },
    'at in hour 24': { at: '2025-01-31T24:00:00.000Z' },
    'an upper-case parent_id': { parent_id: 'A192f0e1-7a11-7111-8111-0123456789ac' },
    'related_to that is no list': { related_to: span.id },
    'an upper-case id in related_to': { related_to: [span.id, span.id.toUpperCase()] },
    'a short prev_hash': { prev_hash: 'ab' },
    'a value that is no JSON': { metadata: { f: Number.NaN } },
    'a lone surrogate': { who: '\ud800' },
  };
  for (const [what, change] of Object.entries(malformed)) {
    it(`must be called malformed with ${what}, even where hash and signature would fit`, () => {
      const changed = { ...signSpan(span, key), ...change };
      assert.equal(fault(changed), 'malformed');
      if (
        !('signature' in change || 'curr_hash' in change || 'public_key' in change || what.includes('JSON'))
      ) {
        assert.equal(fault(seal(changed, SEED)), 'malformed');
      }
    });
  }

  it('must not make verification throw, whatever it is', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (any, member) => {
        assert.equal(verifySpan(any as Partial<Span>).ok, false);
        assert.equal(
          verifySpan({ ...signSpan(span, key), metadata: member } as SignedSpan) !== undefined,
          true,
        );
      }),
      { numRuns: 50 },
    );
  });

  it('must be refused for values that could not be verified afterwards', () => {
    for (const change of [{ at: '2025-01-31T23:59:59Z' }, { id: 'x' }, { metadata: Number.NaN }]) {
      assert.throws(() => signSpan({ ...span, ...change }, key), MalformedError);
    }
  });
});

type Path = readonly (string | number)[];

/** The path of every value in a span that is not itself an object or a list. */
function leavesOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([name, member]) => leavesOf(member, [...path, name]));
}

/** A copy in which the value at a path is another one of the same type. */
function changedAt<T extends object>(value: T, path: Path): T {
  const copy = structuredClone(value);
  let target: Record<string | number, unknown> = copy as Record<string, unknown>;
  for (const step of path.slice(0, -1)) target = target[step] as Record<string, unknown>;
  const last = path.at(-1) ?? '';
  target[last] = otherThan(target[last]);
  return copy;
}

function otherThan(value: unknown): unknown {
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  if (value === null) return false;
  // The last character, so that UUIDs, hex and times keep their form.
  const text = String(value);
  if (text.endsWith('Z')) return text.replace('9.120Z', '8.120Z');
  return text.slice(0, -1) + (text.endsWith('b') ? 'c' : 'b');
}

const GOLDEN_HASH = 'f203749e5cf1f834a02e4d3b12ea5de4a82679cc88be93fd9a7c8a06df88d81b';
