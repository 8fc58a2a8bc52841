import { BootRefusedError } from '../base/errors';
import { SYSTEM } from '../base/identity';
import type { JsonObject, JsonValue, SignedSpan } from '../base/span';
import { objectOf } from '../json/json-object';
import { verifySpan } from './span-signature';

/** Settings of the kernel manifest, with the defaults filled in (DESIGN.md section 7). */
export interface ManifestSettings {
  readonly version: string;
  /** Kernel name → id. */
  readonly kernels: Readonly<Record<string, string>>;
  /** Functions that may boot with trust. */
  readonly allowedBootIds: readonly string[];
  /** Runs of a tenant in one UTC day. Defaults to 1,000. */
  readonly perTenantDailyExecLimit: number;
  /** A run at least this slow gets a `status_patch` span. Defaults to 5,000. */
  readonly slowMs: number;
  /** Limits of a run. `cpuMs` and `wallMs` default to `slowMs`. */
  readonly sandbox: {
    readonly cpuMs: number;
    readonly wallMs: number;
    readonly memoryBytes: number;
    readonly outputBytes: number;
    readonly maxCalls: number;
  };
  /** Hosts that provider_exec may call: `api.openai.com`, or `127.0.0.1:11434` for a private address. */
  readonly providerHosts: readonly string[];
  /** A key that may sign the manifest and kernels beside the instance's own. */
  readonly overridePublicKeyHex: string | undefined;
}

const MIB = 1024 * 1024;
/** Above this a run could outlive the Lambda that carries it. */
const MAX_WALL_MS = 60_000;

/**
 * The settings of a manifest span.
 * @param trusted public keys of the instance
 * @throws BootRefusedError when the span is missing, not the system's, or not signed by a trusted key.
 */
export function parseManifest(span: SignedSpan | undefined, trusted: ReadonlySet<string>): ManifestSettings {
  if (span === undefined || span.is_deleted) {
    throw new BootRefusedError('There is no kernel manifest; plant the seeds with: npx logline seed');
  }
  if (span.tenant_id !== SYSTEM.tenant || span.owner_id !== SYSTEM.user || span.entity_type !== 'manifest') {
    throw new BootRefusedError('The kernel manifest does not belong to the system.');
  }
  const verdict = verifySpan(span, { trustedKeys: trusted });
  if (!verdict.ok) throw new BootRefusedError(`The kernel manifest does not verify: ${verdict.detail}.`);
  return settingsOf(objectOf(span.metadata));
}

function settingsOf(metadata: JsonObject): ManifestSettings {
  const throttle = objectOf(metadata.throttle);
  const policy = objectOf(metadata.policy);
  const sandbox = objectOf(metadata.sandbox);
  const slowMs = numberOf(policy.slow_ms, 5_000);
  return {
    version: typeof metadata.version === 'string' ? metadata.version : String(metadata.version ?? ''),
    kernels: Object.fromEntries(
      Object.entries(objectOf(metadata.kernels)).filter(
        (entry): entry is [string, string] => typeof entry[1] === 'string',
      ),
    ),
    allowedBootIds: textsOf(metadata.allowed_boot_ids),
    perTenantDailyExecLimit: Math.trunc(numberOf(throttle.per_tenant_daily_exec_limit, 1_000)),
    slowMs,
    sandbox: {
      cpuMs: Math.min(numberOf(sandbox.cpu_ms, slowMs), MAX_WALL_MS),
      wallMs: Math.min(numberOf(sandbox.wall_ms, slowMs), MAX_WALL_MS),
      memoryBytes: numberOf(sandbox.memory_bytes, 64 * MIB),
      outputBytes: Math.min(numberOf(sandbox.output_bytes, MIB), MIB),
      maxCalls: numberOf(sandbox.max_calls, 1_000),
    },
    providerHosts: textsOf(objectOf(metadata.provider).hosts),
    overridePublicKeyHex:
      typeof metadata.override_pubkey_hex === 'string' && metadata.override_pubkey_hex !== ''
        ? metadata.override_pubkey_hex
        : undefined,
  };
}

function textsOf(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

/** A limit that is negative or no number would limit nothing. */
function numberOf(value: JsonValue | undefined, fallback: number): number {
  return typeof value === 'number' && value >= 0 ? value : fallback;
}
