import { FREEZE_WAITS } from '../ledger/frozen-tenant';
import { NAME, UUID } from '../ledger/span-schema';
import { WORK_KINDS, type WorkKind } from '../ledger/work-state';

// Schemas of `GET` and `POST /api/work/{tenant}`.

/** Timestamps and dates as PostgreSQL writes them in JSON. */
const MOMENT = {
  type: 'string',
  pattern: '^(?:-?infinity|\\d{4,6}-\\d\\d-\\d\\dT[\\d:.]{8,15}(?:Z|[+-]\\d\\d:\\d\\d))$',
} as const;
const DAY = { type: 'string', pattern: '^(?:-?infinity|\\d{4,6}-\\d\\d-\\d\\d)$' } as const;
const SEQ = { type: 'integer', minimum: 0, maximum: 2_147_483_647 } as const;
const COUNT = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;

function row(properties: Readonly<Record<string, object>>) {
  return { type: 'object', additionalProperties: false, required: Object.keys(properties), properties };
}

const ROWS: Readonly<Record<WorkKind, object>> = {
  salt: row({ salt: { type: 'string', pattern: '^[0-9a-f]{64}$' } }),
  quota: row({ day: DAY, used: SEQ, cpu_ms: { type: 'number', minimum: 0 } }),
  append_usage: row({ day: DAY, bytes: COUNT }),
  schedule: row({
    function_id: UUID,
    seq: SEQ,
    due_at: MOMENT,
    done_until: { ...MOMENT, type: ['string', 'null'] },
  }),
  subject: row({ subject_id: UUID, ruled_on: DAY }),
  request: row({ request_id: UUID, attempt: SEQ, due_at: MOMENT }),
  policy: row({ policy_id: UUID, owner_id: NAME, after_id: UUID, after_seq: SEQ }),
  emission: row({ policy_id: UUID, span_id: UUID, depth: SEQ, at: MOMENT }),
  idempotency_key: row({
    key: NAME,
    fingerprint: { type: 'string', minLength: 1, maxLength: 128 },
    span_ids: { type: 'array', maxItems: 1_000, items: UUID },
    span_seqs: { type: 'array', maxItems: 1_000, items: SEQ },
    at: MOMENT,
  }),
};

/** The key after which a page begins, or with which it ends. */
const PLACE = { type: ['string', 'null'], maxLength: 300 } as const;

/** A page of the work of a tenant. */
export const WORK_PAGE = {
  type: 'object',
  additionalProperties: false,
  required: ['kind', 'after', 'until', 'rows'],
  properties: {
    kind: { enum: WORK_KINDS },
    after: PLACE,
    until: PLACE,
    rows: { type: 'array', maxItems: 1_000, items: { type: 'object' } },
  },
  allOf: WORK_KINDS.map((kind) => ({
    if: { properties: { kind: { const: kind } } },
    // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema
    then: { properties: { rows: { items: ROWS[kind] } } },
  })),
};

/** Query of `GET /api/work/{tenant}`. */
export const WORK_QUERY = {
  type: 'object',
  additionalProperties: false,
  required: ['kind'],
  properties: {
    kind: { enum: WORK_KINDS },
    after: { type: 'string', minLength: 1, maxLength: 300, description: '`until` of the page before.' },
  },
} as const;

export const WORK_TAKEN = {
  type: 'object',
  required: ['success', 'taken'],
  properties: {
    success: { const: true },
    taken: { type: 'integer', description: 'Rows that found what they belong to.' },
  },
};

const FREEZE_STATE = { success: { const: true }, tenant: NAME, frozen: { type: 'boolean' } } as const;

/** Answer of `POST /api/freeze/{tenant}`. */
export const FROZEN = {
  type: 'object',
  required: ['success', 'tenant', 'frozen', 'waits_for'],
  properties: { ...FREEZE_STATE, waits_for: { enum: [...FREEZE_WAITS, null] } },
};

/** Answer of `POST /api/thaw/{tenant}`. */
export const THAWED = {
  type: 'object',
  required: ['success', 'tenant', 'frozen', 'was_frozen'],
  properties: { ...FREEZE_STATE, was_frozen: { type: 'boolean' } },
};
