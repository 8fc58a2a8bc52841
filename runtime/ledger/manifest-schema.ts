import type { FromSchema } from 'json-schema-to-ts';
import { NAME, UUID } from './span-schema';

/** Most items of a list, so that a manifest stays readable. */
const MAX_LISTED = 1_000;

/** A whole number from 0. */
const AMOUNT = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;

/**
 * The metadata of the kernel manifest, as JSON Schema 2020-12. Unknown members at the top level are the operator's own;
 * within a group they are refused, since they are typos.
 */
export const MANIFEST_METADATA = {
  type: 'object',
  properties: {
    version: { type: ['string', 'number'] },
    kernels: {
      type: 'object',
      maxProperties: MAX_LISTED,
      additionalProperties: UUID,
      description: 'Kernel name → id.',
    },
    allowed_boot_ids: {
      type: 'array',
      maxItems: MAX_LISTED,
      items: UUID,
      description: 'Functions that may boot with trust.',
    },
    throttle: {
      type: 'object',
      additionalProperties: false,
      properties: {
        per_tenant_daily_exec_limit: {
          ...AMOUNT,
          description: 'Runs of a tenant in one UTC day. Defaults to 1,000.',
        },
        per_tenant_daily_cpu_ms: {
          ...AMOUNT,
          description: 'CPU time of a tenant in one UTC day, in milliseconds. Defaults to no limit.',
        },
        per_tenant_spans_per_second: {
          type: 'number',
          exclusiveMinimum: 0,
          maximum: 1_000_000,
          description: 'Spans that a tenant may append in a second, on average. Defaults to no limit.',
        },
        per_tenant_bytes_per_day: {
          ...AMOUNT,
          description: 'Bytes of spans that a tenant may append in one UTC day. Defaults to no limit.',
        },
      },
    },
    policy: {
      type: 'object',
      additionalProperties: false,
      properties: {
        slow_ms: {
          ...AMOUNT,
          description: 'A run at least this slow gets a status_patch span. Defaults to 5,000.',
        },
      },
    },
    sandbox: {
      type: 'object',
      additionalProperties: false,
      properties: {
        cpu_ms: { ...AMOUNT, minimum: 1, maximum: 60_000, description: 'Defaults to policy.slow_ms.' },
        // Above this a run could outlive its Lambda.
        wall_ms: { ...AMOUNT, minimum: 1, maximum: 60_000, description: 'Defaults to policy.slow_ms.' },
        memory_bytes: {
          ...AMOUNT,
          minimum: 1_048_576,
          maximum: 1_073_741_824,
          description: 'Defaults to 64 MiB.',
        },
        output_bytes: { ...AMOUNT, minimum: 1, maximum: 1_048_576, description: 'Defaults to 1 MiB.' },
        max_calls: {
          ...AMOUNT,
          maximum: 1_000_000,
          description: 'Calls of ctx in one run. Defaults to 1,000.',
        },
      },
    },
    provider: {
      type: 'object',
      additionalProperties: false,
      properties: {
        hosts: {
          type: 'array',
          maxItems: MAX_LISTED,
          items: { type: 'string', minLength: 1, maxLength: 261, pattern: '^[^\\s/?#@]+$' },
          description:
            'Hosts that provider_exec may call: api.openai.com, or 127.0.0.1:11434 for a private address.',
        },
      },
    },
    proofs: {
      type: 'object',
      additionalProperties: false,
      properties: {
        public_tenants: {
          type: 'array',
          maxItems: MAX_LISTED,
          items: NAME,
          description:
            'Tenants whose proofs of public spans strangers get: a proof tells how many spans there are.',
        },
      },
    },
    override_pubkey_hex: {
      type: 'string',
      pattern: '^(?:[0-9a-f]{64})?$',
      description: "A key that may sign kernels beside the instance's own; empty for none.",
    },
  },
} as const;

/** The type of metadata that the schema accepts. */
export type ManifestMetadata = FromSchema<typeof MANIFEST_METADATA>;
