import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Found, keySpansOfFile } from '../../../cli/verify/span-source';
import { type VerifyFault, verifySpans } from '../../../cli/verify/verify-spans';
import type { SignedSpan, Span } from '../../../runtime/base/span';
import { cryptoReady, generateSigningKey, type SigningKey } from '../../../runtime/crypto';
import { type KeyHistory, keyHistoryOf } from '../../../runtime/ledger/keys/key-history';
import { signedSpan } from '../../support/spans';

const REVOKED_FROM = '2026-01-31T12:00:00.000Z';

describe('verifying with a key history', () => {
  const one = generateSigningKey();
  const two = generateSigningKey();

  before(cryptoReady);

  function keySpan(key: SigningKey, introducer: SigningKey, members: Partial<Span> = {}): SignedSpan {
    return signedSpan(
      {
        entity_type: 'instance_key',
        owner_id: 'system',
        tenant_id: 'system',
        visibility: 'public',
        this: key.publicKeyHex,
        status: 'active',
        ...members,
      },
      introducer,
    );
  }

  function revocationOfOne(): SignedSpan[] {
    const first = keySpan(one, one);
    const revoked = keySpan(one, two, {
      id: first.id,
      seq: 1,
      prev_hash: first.curr_hash,
      status: 'revoked',
      metadata: { revoked_from: REVOKED_FROM },
    });
    return [first, keySpan(two, one, { at: '2025-02-01T00:00:00.000Z' }), revoked];
  }

  async function verify(spans: readonly SignedSpan[], history: KeyHistory) {
    const faults: VerifyFault[] = [];
    async function* source(): AsyncGenerator<Found> {
      for (const [index, span] of spans.entries()) yield { location: `line ${index + 1}`, span };
    }
    const report = await verifySpans(source(), {
      history,
      isComplete: () => true,
      onFault: (fault) => faults.push(fault),
    });
    return { report, faults };
  }

  it('reports only spans that a revoked key signed after its revocation', async () => {
    const keys = revocationOfOne();
    const early = signedSpan({ at: '2026-01-31T11:59:59.999Z' }, one);
    const late = signedSpan({ at: REVOKED_FROM }, one);
    const other = signedSpan({ at: '2026-02-01T00:00:00.000Z' }, two);
    const { report, faults } = await verify([...keys, early, late, other], keyHistoryOf(keys));
    assert.deepEqual(
      faults.map(({ id, detail }) => [id, detail]),
      [[late.id, `revoked: signed by a revoked key, ${one.publicKeyHex}, revoked from ${REVOKED_FROM}`]],
    );
    assert.equal(report.faults, 1);
    assert.deepEqual(report.revoked, new Map([[one.publicKeyHex, 1]]));
  });

  it('counts, without a fault, spans from before their key was introduced or after it was retired', async () => {
    const first = keySpan(one, one, { at: '2025-01-01T00:00:00.000Z' });
    const keys = [
      first,
      keySpan(two, one, { at: '2025-02-01T00:00:00.000Z' }),
      keySpan(one, two, {
        id: first.id,
        seq: 1,
        prev_hash: first.curr_hash,
        status: 'retired',
        at: '2025-02-02T00:00:00.000Z',
      }),
    ];
    const times = [
      '2024-12-31T23:59:59.999Z',
      first.at,
      '2025-02-01T23:59:59.999Z',
      '2025-02-02T00:00:00.000Z',
    ];
    const { report } = await verify(
      [...keys, ...times.map((at) => signedSpan({ at }, one))],
      keyHistoryOf(keys),
    );
    assert.equal(report.faults, 0);
    assert.deepEqual(report.untimely, new Map([[one.publicKeyHex, 2]]));
  });

  it('accepts the introduction of a successor by a key that was compromised before', async () => {
    const first = keySpan(one, one, { at: '2026-01-01T00:00:00.000Z' });
    const second = keySpan(two, one, { at: '2026-02-01T00:00:00.000Z' });
    const revoked = keySpan(one, two, {
      id: first.id,
      seq: 1,
      prev_hash: first.curr_hash,
      status: 'revoked',
      metadata: { revoked_from: REVOKED_FROM },
    });
    const spans = [first, second, revoked];
    assert.deepEqual((await verify(spans, keyHistoryOf(spans))).faults, []);
  });

  it('counts faults of the history', async () => {
    const spans = [keySpan(one, one), keySpan(two, two)];
    const { report, faults } = await verify(spans, keyHistoryOf(spans));
    assert.equal(report.faults, 1);
    assert.match(faults[0]?.detail ?? '', /^keys: .*begins a history of its own/);
  });

  it('finds the key spans of a file, packed or not, and of the system only', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'logline-verify-keys-'));
    const keys = revocationOfOne();
    const foreign = keySpan(two, two, { tenant_id: 'acme' });
    const note = signedSpan({ this: 'about "instance_key"', metadata: { entity_type: 'instance_key' } });
    const text = [note, ...keys, foreign, signedSpan()].map((span) => JSON.stringify(span)).join('\n');
    for (const [name, bytes] of [
      ['a.ndjson', Buffer.from(`${text}\nno "instance_key" JSON\n`)],
      ['a.ndjson.gz', Buffer.concat([gzipSync(text), gzipSync('\n')])],
    ] as const) {
      await writeFile(path.join(folder, name), bytes);
      assert.deepEqual(await keySpansOfFile(path.join(folder, name)), keys);
    }
    await rm(folder, { recursive: true });
  });
});
