import { FREEZE_WAITS } from '../ledger/frozen-tenant';
import { NAME, UUID } from '../ledger/span-schema';
import { WORK_KINDS, type WorkKind } from '../ledger/work-state';
import { COMPARE_BODY, COMPARED } from './import-schemas';
import type { Route } from './route';
import { SPAN_REF, SUCCESS, TENANT_PATH } from './schemas';

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
const WORK_PAGE = {
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
const WORK_QUERY = {
  type: 'object',
  additionalProperties: false,
  required: ['kind'],
  properties: {
    kind: { enum: WORK_KINDS },
    after: { type: 'string', minLength: 1, maxLength: 300, description: '`until` of the page before.' },
  },
} as const;

const WORK_TAKEN = {
  type: 'object',
  required: ['success', 'taken'],
  properties: {
    success: SUCCESS,
    taken: { type: 'integer', description: 'Rows that found what they belong to.' },
  },
};

const FREEZE_STATE = { success: SUCCESS, tenant: NAME, frozen: { type: 'boolean' } } as const;

/** Answer of `POST /api/freeze/{tenant}`. */
const FROZEN = {
  type: 'object',
  required: ['success', 'tenant', 'frozen', 'waits_for'],
  properties: { ...FREEZE_STATE, waits_for: { enum: [...FREEZE_WAITS, null] } },
};

/** Answer of `POST /api/thaw/{tenant}`. */
const THAWED = {
  type: 'object',
  required: ['success', 'tenant', 'frozen', 'was_frozen'],
  properties: { ...FREEZE_STATE, was_frozen: { type: 'boolean' } },
};

const IMPORTED = {
  type: 'object',
  required: ['success', 'count', 'added', 'present'],
  properties: {
    success: SUCCESS,
    count: { type: 'integer' },
    added: { type: 'integer', description: 'Spans that the ledger did not hold before.' },
    present: { type: 'integer' },
  },
};

/** Move a tenant with its spans and its work; for the operator. */
export const MOVE_ROUTES = [
  {
    operation: 'importSpans',
    method: 'POST',
    path: '/api/import',
    summary: 'Append up to 1000 signed spans of one tenant as they are; for the operator',
    description:
      "Takes tenant `system` and a token minted from the instance key. Each span is appended as its owner's, exactly as it is; what it started once is not started again.",
    tag: 'spans',
    scope: 'admin',
    tokenNeeded: true,
    body: {
      'application/json': { schema: { type: 'array', minItems: 1, maxItems: 1000, items: SPAN_REF } },
      'application/x-ndjson': { schema: { ...SPAN_REF, description: 'One span a line, at most 1000.' } },
    },
    answers: {
      201: { description: 'Some are new.', schema: IMPORTED },
      200: { description: 'All were in the ledger before, with the same hashes.', schema: IMPORTED },
    },
    errors: [400, 401, 403, 409, 413, 415, 422, 429],
  },
  {
    operation: 'compareImport',
    method: 'POST',
    path: '/api/import/compare',
    summary: 'Ask which of up to 1000 versions the ledger holds with the same hash; for the operator',
    description:
      'Takes tenant `system` and a token minted from the instance key. Each version is read as its owner.',
    tag: 'spans',
    scope: 'admin',
    tokenNeeded: true,
    body: { 'application/json': { schema: COMPARE_BODY } },
    answers: { 200: { description: 'How many are there, and which are not.', schema: COMPARED } },
    errors: [400, 401, 403, 413, 415, 429],
  },
  {
    operation: 'readWork',
    method: 'GET',
    path: '/api/work/{tenant}',
    summary: 'Read the work state of a frozen tenant, which moves with its spans; for the operator',
    description:
      'Takes tenant `system` and a token minted from the instance key. One kind at a time, page after page: `until` of a page is `after` of the next one, null when none follows. It holds what makes the ids of kernels, which is secret.',
    tag: 'spans',
    scope: 'admin',
    tokenNeeded: true,
    pathSchema: TENANT_PATH,
    querySchema: WORK_QUERY,
    answers: { 200: { description: 'A page.', schema: WORK_PAGE } },
    errors: [400, 401, 403, 409, 429],
  },
  {
    operation: 'importWork',
    method: 'POST',
    path: '/api/work/{tenant}',
    summary: 'Take a page of work state of a tenant that moves in; for the operator',
    description:
      'Takes tenant `system` and a token minted from the instance key. The tenant is frozen, and its spans were imported before. The same page again changes nothing.',
    tag: 'spans',
    scope: 'admin',
    tokenNeeded: true,
    pathSchema: TENANT_PATH,
    body: { 'application/json': { schema: WORK_PAGE } },
    answers: { 200: { description: 'Taken.', schema: WORK_TAKEN } },
    errors: [400, 401, 403, 409, 413, 415, 429],
  },
  {
    operation: 'freezeTenant',
    method: 'POST',
    path: '/api/freeze/{tenant}',
    summary: 'Stop the writes and the work of a tenant, such as to move it; for the operator',
    description:
      'Takes tenant `system` and a token minted from the instance key. One step: ask again until it answers 200. Runs that were claimed come to their end; then writes of the tenant answer 503, reads go on, and nothing of it runs.',
    tag: 'spans',
    scope: 'admin',
    tokenNeeded: true,
    pathSchema: TENANT_PATH,
    answers: {
      200: { description: 'Frozen, and all that was written before can be read.', schema: FROZEN },
      202: { description: 'What it waits for; Retry-After says when to ask again.', schema: FROZEN },
    },
    errors: [400, 401, 403, 429],
  },
  {
    operation: 'thawTenant',
    method: 'POST',
    path: '/api/thaw/{tenant}',
    summary: 'Let a frozen tenant write again; for the operator',
    description:
      'Takes tenant `system` and a token minted from the instance key. Open work of the tenant goes on.',
    tag: 'spans',
    scope: 'admin',
    tokenNeeded: true,
    pathSchema: TENANT_PATH,
    answers: {
      200: { description: 'The tenant writes again.', schema: THAWED },
      202: {
        description: 'Its work was just imported; Retry-After says when to ask again.',
        schema: THAWED,
      },
    },
    errors: [400, 401, 403, 429],
  },
] as const satisfies readonly Route[];

/** What the handlers check by: the name of the compiled validator → its schema. */
export const MOVE_SCHEMAS = {
  validateCompareBody: COMPARE_BODY,
  validateWorkQuery: WORK_QUERY,
  validateWorkPage: WORK_PAGE,
} as const;
