import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Found } from '../../../cli/verify/span-source';
import { type VerifyFault, type VerifyReport, verifySpans } from '../../../cli/verify/verify-spans';
import type { SignedSpan } from '../../../runtime/base/span';
import { cryptoReady, generateSigningKey } from '../../../runtime/crypto';
import { signSpan } from '../../../runtime/ledger/span-signature';
import { signedSpan, versionsOf } from '../../support/spans';
import { until } from '../../support/until';

describe('verifySpans', () => {
  before(cryptoReady);

  async function verify(
    spans: readonly unknown[],
    options: { isComplete?: boolean; trustedKeys?: ReadonlySet<string>; signatures?: boolean } = {},
  ): Promise<{ report: VerifyReport; faults: VerifyFault[] }> {
    const faults: VerifyFault[] = [];
    async function* source(): AsyncGenerator<Found> {
      for (const [index, span] of spans.entries()) yield { location: `line ${index + 1}`, span };
    }
    const report = await verifySpans(source(), {
      isComplete: () => options.isComplete ?? true,
      onFault: (fault) => faults.push(fault),
      ...(options.signatures === undefined ? {} : { signatures: options.signatures }),
      ...(options.trustedKeys === undefined ? {} : { trustedKeys: options.trustedKeys }),
    });
    return { report, faults };
  }

  function at(spans: readonly SignedSpan[], index: number): SignedSpan {
    const span = spans[index];
    assert.ok(span);
    return span;
  }

  it('passes spans and chains that hold, in any order', async () => {
    const versions = versionsOf(4);
    const { report, faults } = await verify([
      at(versions, 2),
      signedSpan(),
      at(versions, 0),
      at(versions, 3),
      at(versions, 1),
    ]);
    assert.deepEqual(faults, []);
    assert.equal(report.spans, 5);
    assert.equal(report.entities, 2);
  });

  it('names the span and its location when one nested value was changed', async () => {
    const good = signedSpan({ metadata: { list: [{ amount: 1 }] } });
    const { faults } = await verify([signedSpan(), { ...good, metadata: { list: [{ amount: 2 }] } }]);
    assert.equal(faults.length, 1);
    assert.equal(faults[0]?.id, good.id);
    assert.equal(faults[0]?.location, 'line 2');
    assert.match(faults[0]?.detail ?? '', /^hash: /);
  });

  it('passes whole spans to further checks, and reports their faults of spans that verify', async () => {
    const [good, other] = [signedSpan({ metadata: { kept: 1 } }), signedSpan({ metadata: { kept: 2 } })];
    const shown: unknown[] = [];
    const details: string[] = [];
    async function* source(): AsyncGenerator<Found> {
      yield { location: 'line 1', span: good };
      yield { location: 'line 2', span: { ...other, who: 'somebody else' } };
    }
    await verifySpans(source(), {
      isComplete: () => true,
      onFault: ({ detail }) => details.push(detail),
      moreFaults: (span) => {
        shown.push(span);
        return ['more'];
      },
    });
    assert.deepEqual(shown[0], good);
    assert.deepEqual(
      details.map((detail) => detail.split(':')[0]),
      ['more', 'hash'],
    );
  });

  it('finds a signature by another key than public_key', async () => {
    const good = signedSpan();
    const { faults } = await verify([{ ...good, signature: signedSpan().signature }]);
    assert.match(faults[0]?.detail ?? '', /^signature: /);
  });

  it('finds a version that was taken out of the middle', async () => {
    const versions = versionsOf(3);
    const { faults } = await verify([at(versions, 0), at(versions, 2)]);
    assert.deepEqual(
      faults.map(({ id, seq, detail }) => ({ id, seq, detail })),
      [{ id: at(versions, 0).id, seq: 2, detail: 'gap: version 1 is missing' }],
    );
  });

  it('finds that the first versions were taken away', async () => {
    const { faults } = await verify(versionsOf(3).slice(2));
    assert.equal(faults[0]?.detail, 'gap: version 0 to 1 is missing');
  });

  it('counts missing versions as hidden where the reader is not the owner', async () => {
    const versions = versionsOf(3);
    const { report, faults } = await verify([at(versions, 0), at(versions, 2)], { isComplete: false });
    assert.deepEqual(faults, []);
    assert.equal(report.hiddenVersions, 1);
  });

  it('finds a correctly signed version that follows another history', async () => {
    const key = generateSigningKey();
    const [first, second] = versionsOf(2, {}, key);
    assert.ok(first && second);
    const forged = signSpan({ ...second, prev_hash: 'ab'.repeat(32) }, key);
    const { faults } = await verify([first, forged]);
    assert.match(faults[0]?.detail ?? '', /^chain: prev_hash is not the curr_hash of version 0/);
  });

  it('finds two different spans for one version', async () => {
    const key = generateSigningKey();
    const first = signedSpan({}, key);
    const { faults } = await verify([first, signSpan({ ...first, this: 'another thing' }, key)]);
    assert.match(faults[0]?.detail ?? '', /^fork: /);
  });

  it('finds a version that changes owner', async () => {
    const key = generateSigningKey();
    const [first, second] = versionsOf(2, {}, key);
    assert.ok(first && second);
    const { faults } = await verify([first, signSpan({ ...second, owner_id: 'mallory' }, key)]);
    assert.match(faults[0]?.detail ?? '', /^chain: owner or tenant differ/);
  });

  it('accepts the same span twice', async () => {
    const span = signedSpan();
    const { report, faults } = await verify([span, span]);
    assert.deepEqual(faults, []);
    assert.equal(report.repeated, 1);
  });

  it('holds the content of few spans at a time, however large they are', async () => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const contents: WeakRef<object>[] = [];
    const held = () => contents.filter((content) => content.deref() !== undefined).length;
    async function* source(): AsyncGenerator<Found> {
      for (let line = 0; line < 400; line += 1) {
        const metadata = { text: String(line) };
        contents.push(new WeakRef(metadata));
        yield { location: `line ${line}`, span: signedSpan({ metadata }) };
      }
      await until('contents are let go', () => {
        collect();
        return held() < 50;
      });
    }
    const report = await verifySpans(source(), {
      isComplete: () => true,
      onFault: ({ detail }) => assert.fail(detail),
    });
    assert.equal(report.spans, 400);
  });

  it('can leave signatures, and nothing else, to another check', async () => {
    const [good, other, versions] = [signedSpan(), signedSpan(), versionsOf(3)];
    const forged = { ...good, signature: other.signature };
    const found = await verify([forged], { signatures: false });
    assert.deepEqual([found.faults, found.report.spans], [[], 1]);
    for (const [spans, fault] of [
      [[{ ...good, this: 'changed' }], /^hash: /],
      [[{ ...good, signature: 'ab' }], /^malformed: /],
      [[versions[0], versions[2]], /^gap: /],
    ] as const) {
      const { faults } = await verify(spans, { signatures: false });
      assert.match(faults[0]?.detail ?? '', fault);
    }
  });

  it('finds spans of keys that are not trusted', async () => {
    const key = generateSigningKey();
    const { faults } = await verify([signedSpan({}, key), signedSpan()], {
      trustedKeys: new Set([key.publicKeyHex]),
    });
    assert.equal(faults.length, 1);
    assert.match(faults[0]?.detail ?? '', /^untrusted: /);
  });

  for (const [title, value] of [
    ['null', null],
    ['a number', 7],
    ['a list', []],
    ['an empty object', {}],
    ['a span without a signature', { ...signedSpan(), signature: null }],
  ] as const) {
    it(`calls ${title} malformed and continues`, async () => {
      const { report, faults } = await verify([value, signedSpan()]);
      assert.equal(faults.length, 1);
      assert.match(faults[0]?.detail ?? '', /^malformed: /);
      assert.equal(report.spans, 2);
    });
  }
});
