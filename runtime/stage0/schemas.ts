/**
 * The one source of what the API takes and gives: JSON Schema 2020-12. The validators are compiled from it
 * (`npm run generate`), and `/openapi.json` is made of it.
 */

const UUID = {
  type: 'string',
  pattern: '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$',
  description: 'A UUID (RFC 9562); stored and hashed in lower case.',
} as const;

const HEX_32 = {
  type: 'string',
  pattern: '^[0-9a-f]{64}$',
  description: '32 bytes in lower-case hex.',
} as const;
const HEX_64 = {
  type: 'string',
  pattern: '^[0-9a-f]{128}$',
  description: '64 bytes in lower-case hex.',
} as const;

// The bounds keep every index entry below PostgreSQL's limit of 2,704 bytes.
const WORD = { type: 'string', minLength: 1, maxLength: 128 } as const;
const NAME = { type: 'string', minLength: 1, maxLength: 255 } as const;
const TEXT = { type: 'string' } as const;
const INT32_MAX = 2_147_483_647;

function nullable<T extends { readonly type: string }>(schema: T) {
  return { ...schema, type: [schema.type, 'null'] };
}

const ANY_JSON = { description: 'Any JSON within I-JSON (RFC 7493).' } as const;

/** A span as a client may send it. Null means absent. */
export const SPAN_INPUT = {
  type: 'object',
  description:
    'Required: entity_type, who, this. The server fills the rest (DESIGN.md section 3). Unknown members are refused.',
  required: ['entity_type', 'who', 'this'],
  additionalProperties: false,
  properties: {
    id: nullable(UUID),
    seq: {
      type: ['integer', 'null'],
      minimum: 0,
      maximum: INT32_MAX,
      description: 'Version; defaults to 0.',
    },
    entity_type: { ...WORD, description: 'What kind of thing this is, such as `function` or `note`.' },
    who: { ...NAME, description: 'Who did it, in the words of the client.' },
    did: nullable(TEXT),
    this: { ...TEXT, minLength: 1, description: 'What it was done to.' },
    at: nullable({ ...TEXT, description: 'RFC 3339 with at most milliseconds; defaults to now.' }),
    parent_id: nullable(UUID),
    related_to: { type: ['array', 'null'], items: UUID, maxItems: 1_000 },
    owner_id: nullable(NAME),
    tenant_id: nullable(NAME),
    visibility: { enum: ['private', 'tenant', 'public', null], description: 'Defaults to private.' },
    status: nullable(WORD),
    is_deleted: { type: ['boolean', 'null'], description: 'Defaults to false.' },
    name: nullable(NAME),
    description: nullable(TEXT),
    code: nullable(TEXT),
    language: nullable(TEXT),
    runtime: nullable(TEXT),
    input: ANY_JSON,
    output: ANY_JSON,
    error: ANY_JSON,
    metadata: ANY_JSON,
    duration_ms: { type: ['integer', 'null'], minimum: 0, maximum: INT32_MAX },
    trace_id: nullable(WORD),
    prev_hash: nullable(HEX_32),
    curr_hash: nullable(HEX_32),
    signature: nullable(HEX_64),
    public_key: nullable(HEX_32),
  },
} as const;

/** A span as the API returns it: complete, hashed, signed; members that are null are left out. */
export const SPAN = {
  ...SPAN_INPUT,
  description: 'A span of the ledger. Members without a value are absent.',
  required: [
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
    'curr_hash',
    'signature',
    'public_key',
  ],
} as const;

const LIMIT = {
  type: 'string',
  pattern: '^(?:[1-9][0-9]{0,2}|1000)$',
  description: 'Spans of a page, 1 to 1000; defaults to 100.',
} as const;

const MOMENT = { type: 'string', description: 'RFC 3339.' } as const;

/** Query of `GET /api/timeline`. */
export const TIMELINE_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    entity_type: WORD,
    status: WORD,
    who: NAME,
    did: { ...TEXT, minLength: 1 },
    owner_id: NAME,
    tenant_id: NAME,
    visibility: { enum: ['private', 'tenant', 'public'] },
    trace_id: WORD,
    parent_id: UUID,
    related_to: { ...UUID, description: 'Spans whose related_to names this id.' },
    name: NAME,
    since: { ...MOMENT, description: 'RFC 3339; spans at this moment or later.' },
    until: { ...MOMENT, description: 'RFC 3339; spans before this moment.' },
    limit: LIMIT,
    cursor: {
      type: 'string',
      minLength: 1,
      // It holds the ids of all transactions that were open, of which a busy server has hundreds.
      maxLength: 6_000,
      description: 'next_cursor of the page before.',
    },
    order: {
      enum: ['desc', 'asc', 'feed'],
      description:
        'desc and asc go by (at, id, seq) within one snapshot. feed is commit order, deletions included; its last cursor can be polled for ever.',
    },
  },
} as const;

/** Query of `GET /api/spans/{id}`. */
export const SPAN_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    seq: { type: 'string', pattern: '^(?:0|[1-9][0-9]{0,9})$', description: 'This version as `span`.' },
  },
} as const;

/** Path of the routes with a UUID. */
export const ID_PATH = {
  type: 'object',
  required: ['id'],
  properties: { id: UUID },
} as const;

/** Body of `POST /api/execute/{function_id}`. */
export const EXECUTE_BODY = {
  type: 'object',
  additionalProperties: false,
  properties: { input: ANY_JSON },
} as const;

/** RFC 9457 problem details, as every error is answered. */
export const PROBLEM = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'success'],
  properties: {
    type: { type: 'string', description: 'urn:logline:problem:<code>' },
    title: TEXT,
    status: { type: 'integer' },
    detail: TEXT,
    success: { const: false },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['pointer', 'detail'],
        properties: { pointer: { ...TEXT, description: 'JSON pointer (RFC 6901).' }, detail: TEXT },
      },
    },
  },
} as const;

/** What gets a compiled validator, by the name of its exported function. */
export const VALIDATED = {
  validateSpanInput: SPAN_INPUT,
  validateTimelineQuery: TIMELINE_QUERY,
  validateSpanQuery: SPAN_QUERY,
  validateIdPath: ID_PATH,
  validateExecuteBody: EXECUTE_BODY,
} as const;
