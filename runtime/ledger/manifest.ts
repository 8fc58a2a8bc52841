import { BootRefusedError } from '../base/errors';
import { SYSTEM } from '../base/identity';
import type { JsonObject, JsonValue, SignedSpan, Span } from '../base/span';
import { objectOf } from '../json/json-object';
import { describeFault, malformed } from '../json/parse-with';
import { KERNEL_MANIFEST_ID } from '../kernels/stable-ids';
import type { ManifestMetadata } from './manifest-schema';
import { verifySpan } from './span-signature';
import { validateManifest } from './validators.generated';

/** Settings of the kernel manifest, with defaults filled in. */
export interface ManifestSettings {
  readonly version: string;
  /** Ids of the kernels, by name. */
  readonly kernels: Readonly<Record<string, string>>;
  /** Functions that may boot with trust. */
  readonly allowedBootIds: readonly string[];
  /** Runs of a tenant in one UTC day. Defaults to 1,000. */
  readonly perTenantDailyExecLimit: number;
  /** CPU time of a tenant in one UTC day, in milliseconds. Undefined: no limit. */
  readonly perTenantDailyCpuMs: number | undefined;
  /** Spans that a tenant may append in a second, on average. Undefined: no limit. */
  readonly perTenantSpansPerSecond: number | undefined;
  /** Bytes of spans that a tenant may append in one UTC day. Undefined: no limit. */
  readonly perTenantBytesPerDay: number | undefined;
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
  /** Tenants whose proofs of public spans are public, too. Defaults to none. */
  readonly publicTenants: readonly string[];
  /** A key that may sign kernels in addition to the instance's own. */
  readonly overridePublicKeyHex: string | undefined;
}

const MIB = 1024 * 1024;
/** Above this a run could outlive its Lambda. */
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

/**
 * Refuses an invalid version of the kernel manifest, which would otherwise silently fall back to defaults. Other
 * manifests, and a version that deletes it, are not checked.
 * @param pointer JSON pointer of the span within the request
 * @throws MalformedError with every fault
 */
export function refuseBadManifest(span: Span, pointer: string): void {
  if (span.id !== KERNEL_MANIFEST_ID || span.tenant_id !== SYSTEM.tenant || span.is_deleted) return;
  if (validateManifest(span.metadata ?? {})) return;
  const faults = (validateManifest.errors ?? []).map((fault) => describeFault(fault, `${pointer}/metadata`));
  throw malformed('The kernel manifest', faults);
}

function settingsOf(given: JsonObject): ManifestSettings {
  const {
    version = '',
    kernels = {},
    allowed_boot_ids,
    throttle,
    policy,
    sandbox,
    provider,
    proofs,
    override_pubkey_hex,
  } = validPartOf(given);
  const slowMs = policy?.slow_ms ?? 5_000;
  const wallMs = Math.min(slowMs, MAX_WALL_MS);
  return {
    version: String(version),
    kernels,
    allowedBootIds: allowed_boot_ids ?? [],
    perTenantDailyExecLimit: throttle?.per_tenant_daily_exec_limit ?? 1_000,
    perTenantDailyCpuMs: throttle?.per_tenant_daily_cpu_ms,
    perTenantSpansPerSecond: throttle?.per_tenant_spans_per_second,
    perTenantBytesPerDay: throttle?.per_tenant_bytes_per_day,
    slowMs,
    sandbox: {
      cpuMs: sandbox?.cpu_ms ?? wallMs,
      wallMs: sandbox?.wall_ms ?? wallMs,
      memoryBytes: sandbox?.memory_bytes ?? 64 * MIB,
      outputBytes: sandbox?.output_bytes ?? MIB,
      maxCalls: sandbox?.max_calls ?? 1_000,
    },
    providerHosts: provider?.hosts ?? [],
    publicTenants: proofs?.public_tenants ?? [],
    overridePublicKeyHex: override_pubkey_hex || undefined,
  };
}

/**
 * The metadata without the members that the schema refuses. A manifest that was appended before manifests were checked
 * may have some; they count as absent, since refusing it now would stop every kernel.
 */
function validPartOf(metadata: JsonObject): ManifestMetadata {
  let valid: JsonValue = metadata;
  while (!validateManifest(valid)) {
    const [fault] = validateManifest.errors ?? [];
    const path = fault === undefined ? [] : describeFault(fault, '').pointer.split('/').slice(1);
    if (path.length === 0) return {};
    valid = without(valid, path);
  }
  // validateManifest is compiled from the schema that the type is derived from.
  return valid as ManifestMetadata;
}

/** A value without the member or item at a path. */
function without(value: JsonValue, [name = '', ...rest]: readonly string[]): JsonValue {
  if (Array.isArray(value)) {
    return value.flatMap((item: JsonValue, index) => {
      if (String(index) !== name) return [item];
      return rest.length === 0 ? [] : [without(item, rest)];
    });
  }
  const { [name]: member, ...others } = objectOf(value);
  return rest.length === 0 || member === undefined ? others : { ...others, [name]: without(member, rest) };
}
