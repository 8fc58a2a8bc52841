import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { JsonValue } from '../../runtime/base/span';
import { KERNEL_MANIFEST_ID } from '../../runtime/kernels/stable-ids';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

describe('the kernel manifest', () => {
  let stage0: TestStage0;
  let system: string;
  before(async () => {
    stage0 = await createTestStage0();
    system = await stage0.token('system', 'system');
  });
  after(() => stage0.close());

  const manifest = (metadata: JsonValue, id: string = KERNEL_MANIFEST_ID) => ({
    id,
    entity_type: 'manifest',
    who: 'operator',
    this: 'kernel_manifest',
    name: 'kernel_manifest',
    visibility: 'public',
    metadata,
  });

  it('with mistyped and impossible values is refused, every fault named', async () => {
    const { status, body } = await stage0.call('/api/spans', {
      token: system,
      body: manifest({
        throttle: {
          per_tenant_daily_exec_limit: '5',
          per_tenant_spans_per_second: 0,
          per_tenant_daily_cpu: 1,
        },
        policy: { slow_ms: -1 },
        sandbox: { wall_ms: 600_000, max_calls: 1.5 },
        provider: { hosts: ['https://api.openai.com/v1'] },
        proofs: { public_tenants: 'acme' },
        override_pubkey_hex: 'abc',
        allowed_boot_ids: ['run_code'],
      }),
    });
    assert.equal(status, 400);
    assert.deepEqual(
      body.errors.map(({ pointer, detail }: Record<string, string>) => `${pointer} ${detail}`).sort(),
      [
        '/metadata/allowed_boot_ids/0 must be a UUID',
        '/metadata/override_pubkey_hex must be 64 lower-case hex digits, or empty',
        '/metadata/policy/slow_ms must be >= 0',
        '/metadata/proofs/public_tenants must be of type array',
        '/metadata/provider/hosts/0 must be a host such as api.example.com, or a host and port such as 127.0.0.1:11434',
        '/metadata/sandbox/max_calls must be of type integer',
        '/metadata/sandbox/wall_ms must be <= 60000',
        '/metadata/throttle/per_tenant_daily_cpu is not a member that is known here',
        '/metadata/throttle/per_tenant_daily_exec_limit must be of type integer',
        '/metadata/throttle/per_tenant_spans_per_second must be > 0',
      ],
    );
  });

  it('is refused in a batch by its index, and nothing of the batch is appended', async () => {
    const note = { id: randomUUID(), entity_type: 'note', who: 'a', this: 'b' };
    const { status, body } = await stage0.call('/api/spans', {
      token: system,
      body: [note, manifest({ version: true })],
    });
    assert.equal(status, 400);
    assert.deepEqual(body.errors, [
      { pointer: '/1/metadata/version', detail: 'must be of type string or number' },
    ]);
    assert.equal((await stage0.call(`/api/spans/${note.id}`, { token: system })).status, 404);
  });

  it('with good values is taken, and so is the version that deletes it', async () => {
    const good = manifest({ throttle: { per_tenant_bytes_per_day: 1_000_000 }, policy: { slow_ms: 100 } });
    assert.equal((await stage0.call('/api/spans', { token: system, body: good })).status, 201);
    const gone = { ...manifest({ policy: 'none' }), seq: 1, is_deleted: true };
    assert.equal((await stage0.call('/api/spans', { token: system, body: gone })).status, 201);
  });

  it('of a tenant is its own affair, whatever it says', async () => {
    const token = await stage0.token('alice', 'acme');
    const body = manifest({ throttle: 'none' }, randomUUID());
    assert.equal((await stage0.call('/api/spans', { token, body })).status, 201);
  });
});
