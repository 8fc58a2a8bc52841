import assert from 'node:assert/strict';
import { BootRefusedError } from '../../../runtime/base/errors';
import type { JsonValue } from '../../../runtime/base/span';
import { generateSigningKey } from '../../../runtime/crypto';
import { KERNEL_MANIFEST_ID } from '../../../runtime/kernels/stable-ids';
import { parseManifest } from '../../../runtime/ledger/manifest';
import { signSpan } from '../../../runtime/ledger/span-signature';

describe('settings of a manifest', () => {
  const key = generateSigningKey();
  const settingsOf = (metadata: JsonValue) =>
    parseManifest(
      signSpan(
        {
          id: KERNEL_MANIFEST_ID,
          seq: 0,
          entity_type: 'manifest',
          who: 'logline',
          this: 'kernel_manifest',
          at: '2026-01-31T12:00:00.000Z',
          owner_id: 'system',
          tenant_id: 'system',
          visibility: 'public',
          is_deleted: false,
          metadata,
        },
        key,
      ),
      new Set([key.publicKeyHex]),
    );

  it('have a default for every absent member', () => {
    assert.deepEqual(settingsOf({}), {
      version: '',
      kernels: {},
      allowedBootIds: [],
      perTenantDailyExecLimit: 1_000,
      perTenantDailyCpuMs: undefined,
      perTenantSpansPerSecond: undefined,
      perTenantBytesPerDay: undefined,
      slowMs: 5_000,
      sandbox: {
        cpuMs: 5_000,
        wallMs: 5_000,
        memoryBytes: 67_108_864,
        outputBytes: 1_048_576,
        maxCalls: 1_000,
      },
      providerHosts: [],
      publicTenants: [],
      overridePublicKeyHex: undefined,
    });
  });

  it('are those of the manifest', () => {
    const settings = settingsOf({
      version: 2,
      throttle: {
        per_tenant_daily_cpu_ms: 0,
        per_tenant_spans_per_second: 0.5,
        per_tenant_bytes_per_day: 1e9,
      },
      policy: { slow_ms: 100 },
      proofs: { public_tenants: ['acme'] },
      override_pubkey_hex: key.publicKeyHex,
      'of the operator': true,
    });
    assert.equal(settings.version, '2');
    assert.equal(settings.perTenantDailyCpuMs, 0);
    assert.equal(settings.perTenantSpansPerSecond, 0.5);
    assert.equal(settings.perTenantBytesPerDay, 1e9);
    assert.equal(settings.sandbox.wallMs, 100);
    assert.deepEqual(settings.publicTenants, ['acme']);
    assert.equal(settings.overridePublicKeyHex, key.publicKeyHex);
  });

  it('stored before they were checked: faulty members count as absent, the others are used', () => {
    const id = '00000000-0000-4000-8000-000000000001';
    const settings = settingsOf({
      allowed_boot_ids: ['no id', id, 7],
      kernels: { run_code: id, other: 3 },
      throttle: { per_tenant_daily_exec_limit: '5', per_tenant_bytes_per_day: 9, mistyped: 1 },
      sandbox: [],
      provider: { hosts: ['https://api.openai.com', 'api.openai.com'] },
    });
    assert.deepEqual(settings.allowedBootIds, [id]);
    assert.deepEqual(settings.kernels, { run_code: id });
    assert.equal(settings.perTenantDailyExecLimit, 1_000);
    assert.equal(settings.perTenantBytesPerDay, 9);
    assert.equal(settings.sandbox.maxCalls, 1_000);
    assert.deepEqual(settings.providerHosts, ['api.openai.com']);
  });

  it('of no object are the defaults, and of no manifest are refused', () => {
    assert.equal(settingsOf('text').slowMs, 5_000);
    assert.throws(() => parseManifest(undefined, new Set()), BootRefusedError);
  });
});
