/**
 * The one source of what the routes take and give: JSON Schema 2020-12. The validators are compiled from it
 * (`npm run generate`), and `/openapi.json` is made of it.
 */

import { UUID_PATTERN } from '../base/uuid';
import { ANY_JSON, NAME, TEXT, UUID, WORD } from '../ledger/span-schema';
import { TILE_PATTERN } from '../proofs/tile';
import { COMPARE_BODY } from './import-schemas';
import { WORK_PAGE, WORK_QUERY } from './work-schemas';

const LIMIT = {
  type: 'string',
  pattern: '^(?:[1-9][0-9]{0,2}|1000)$',
  description: 'Spans of a page, 1 to 1000; defaults to 100.',
} as const;

const TIMESTAMP = { type: 'string', description: 'RFC 3339.' } as const;

/** A parameter that may be repeated: any of its values may hold. */
function anyOf<T extends object>(items: T) {
  return { type: 'array', items, minItems: 1, maxItems: 10 } as const;
}

/** Query of `GET /api/timeline`. */
export const TIMELINE_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    entity_type: anyOf(WORD),
    status: anyOf(WORD),
    who: anyOf(NAME),
    did: anyOf(NAME),
    owner_id: anyOf(NAME),
    tenant_id: anyOf(NAME),
    visibility: anyOf({ enum: ['private', 'tenant', 'public'] }),
    trace_id: anyOf(WORD),
    parent_id: anyOf(UUID),
    related_to: { ...anyOf(UUID), description: 'Spans whose related_to names this id.' },
    name: anyOf(NAME),
    since: { ...TIMESTAMP, description: 'RFC 3339; spans at this time or later.' },
    until: { ...TIMESTAMP, description: 'RFC 3339; spans before this time.' },
    limit: LIMIT,
    cursor: {
      type: 'string',
      minLength: 1,
      // It holds the ids of all transactions that were open, of which a busy server has hundreds.
      maxLength: 6_400,
      description: 'next_cursor of the page before.',
    },
    from: {
      enum: ['end'],
      description: 'With order=feed and no cursor: an empty page and a cursor that stands at the end.',
    },
    after: {
      type: 'string',
      pattern: `^${UUID_PATTERN}\\.(?:0|[1-9][0-9]{0,9})$`,
      description:
        'With order=feed and no cursor: begins behind this version (`<id>.<seq>`), which the caller may read.',
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
    cursor: {
      type: 'string',
      minLength: 1,
      maxLength: 1_000,
      description: 'next_cursor of the page before; leads to older versions.',
    },
  },
} as const;

/** Query of `GET /api/health`. */
export const HEALTH_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ready: { enum: ['0', '1'], description: '`1`: 503 until kernels are booted.' },
  },
} as const;

const MOMENT_OUT = { type: 'string', format: 'date-time' } as const;
const MOMENT_OR_NULL = { type: ['string', 'null'], format: 'date-time' } as const;
const COUNT = { type: 'integer', minimum: 0 } as const;

/** A key of `GET /api/keys`. */
export const PUBLISHED_KEY = {
  type: 'object',
  required: ['public_key', 'since', 'until', 'revoked', 'purpose'],
  properties: {
    public_key: { type: 'string', description: 'Ed25519, hex.' },
    since: { ...MOMENT_OR_NULL, description: 'Null before the ledger holds its introduction.' },
    until: {
      ...MOMENT_OR_NULL,
      description: 'From then on its signatures do not count; null while it signs.',
    },
    revoked: { type: 'boolean' },
    purpose: { enum: ['span', 'checkpoint'] },
  },
} as const;

/** Answer of `GET /api/status`. */
export const TENANT_STATUS = {
  type: 'object',
  required: ['at', 'queue', 'schedules', 'quota', 'policies', 'jobs'],
  properties: {
    at: MOMENT_OUT,
    queue: {
      type: 'object',
      required: ['waiting', 'running', 'put_off', 'oldest_waiting_s'],
      properties: {
        waiting: COUNT,
        running: COUNT,
        put_off: COUNT,
        oldest_waiting_s: { type: ['integer', 'null'] },
      },
    },
    schedules: {
      type: 'array',
      items: {
        type: 'object',
        required: ['function_id', 'owner', 'once', 'due_at'],
        properties: { function_id: TEXT, owner: TEXT, once: { type: 'boolean' }, due_at: MOMENT_OUT },
      },
    },
    quota: {
      type: 'object',
      required: ['day', 'limit', 'used', 'cpu_limit_ms', 'cpu_ms'],
      properties: {
        day: { ...TEXT, description: 'UTC.' },
        limit: { type: ['integer', 'null'] },
        used: COUNT,
        cpu_limit_ms: { type: ['number', 'null'] },
        cpu_ms: {
          type: ['number', 'null'],
          description: 'Processor time of runs and policies; null while nothing limits it.',
        },
      },
    },
    policies: {
      type: 'array',
      items: {
        type: 'object',
        required: ['policy_id', 'owner', 'active', 'behind', 'last_error'],
        properties: {
          policy_id: TEXT,
          owner: TEXT,
          active: { type: 'boolean' },
          behind: { ...COUNT, description: 'Spans it has yet to see, up to 10,000.' },
          last_error: {
            type: ['object', 'null'],
            required: ['span_id', 'at', 'code'],
            properties: { span_id: TEXT, at: MOMENT_OUT, code: { type: ['string', 'null'] } },
          },
        },
      },
    },
    jobs: {
      type: 'array',
      items: {
        type: 'object',
        required: ['job', 'started_at', 'ended_at', 'result'],
        properties: {
          job: TEXT,
          started_at: MOMENT_OUT,
          ended_at: MOMENT_OR_NULL,
          result: { enum: ['ok', 'error', 'running'] },
        },
      },
    },
  },
} as const;

/** Query of `GET /api/spans/{id}/proof`. */
export const PROOF_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    seq: {
      type: 'string',
      pattern: '^(?:0|[1-9][0-9]{0,9})$',
      description: 'Defaults to the newest version.',
    },
  },
} as const;

const TREE_SIZE = { type: 'string', pattern: '^(?:0|[1-9][0-9]{0,14})$' } as const;

/** Path of the routes of a tenant's log. */
export const LOG_PATH = {
  type: 'object',
  required: ['tenant'],
  properties: { tenant: NAME },
} as const;

/** Path of a tile. */
export const TILE_PATH = {
  type: 'object',
  required: ['tenant', 'tile'],
  properties: {
    tenant: NAME,
    tile: {
      type: 'string',
      pattern: TILE_PATTERN.source,
      description:
        '{level}/{index} or entries/{index}, with .p/{width} behind a partial one; an index beyond 999 is written as x001/234 (https://c2sp.org/tlog-tiles).',
    },
  },
} as const;

/** Query of `GET /api/log/{tenant}/checkpoint`. */
export const CHECKPOINT_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: { size: { ...TREE_SIZE, description: 'Spans in the log; defaults to the newest checkpoint.' } },
} as const;

/** Query of `GET /api/log/{tenant}/consistency`. */
export const CONSISTENCY_QUERY = {
  type: 'object',
  additionalProperties: false,
  required: ['from', 'to'],
  properties: {
    from: { ...TREE_SIZE, description: 'Size of the smaller log.' },
    to: { ...TREE_SIZE, description: 'Size of the greater log.' },
  },
} as const;

/** Query of a route that takes none. */
export const NO_QUERY = { type: 'object', additionalProperties: false, properties: {} } as const;

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

const ATTRIBUTE_OR_NULL = { type: ['string', 'null'] } as const;

/** A CloudEvents 1.0 event in JSON, as `POST /api/spans` takes it. The bounds are those of the span it becomes. */
export const CLOUD_EVENT = {
  type: 'object',
  required: ['specversion', 'id', 'source', 'type', 'subject'],
  // Extensions: strings, booleans and 32-bit integers (CloudEvents 1.0 section 3.1, "Type System").
  additionalProperties: {
    type: ['string', 'boolean', 'integer', 'null'],
    minimum: -2_147_483_648,
    maximum: 2_147_483_647,
  },
  properties: {
    specversion: { enum: ['1.0'] },
    id: { type: 'string', minLength: 1 },
    source: NAME,
    type: WORD,
    subject: { type: 'string', minLength: 1 },
    time: { ...ATTRIBUTE_OR_NULL, description: 'RFC 3339.' },
    datacontenttype: ATTRIBUTE_OR_NULL,
    dataschema: ATTRIBUTE_OR_NULL,
    traceparent: { ...ATTRIBUTE_OR_NULL, description: 'W3C Trace Context.' },
    data: ANY_JSON,
  },
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
    // No `const`: generators of Python clients write an optional one down wrongly.
    began: {
      type: 'boolean',
      description: 'False, of a 503 to execute: the run has not begun, so it may be asked for again.',
    },
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

/** What the routes compile to validators, by the name of its exported function. */
export const ROUTE_SCHEMAS = {
  validateTimelineQuery: TIMELINE_QUERY,
  validateSpanQuery: SPAN_QUERY,
  validateHealthQuery: HEALTH_QUERY,
  validateIdPath: ID_PATH,
  validateProofQuery: PROOF_QUERY,
  validateCheckpointQuery: CHECKPOINT_QUERY,
  validateConsistencyQuery: CONSISTENCY_QUERY,
  validateNoQuery: NO_QUERY,
  validateExecuteBody: EXECUTE_BODY,
  validateCloudEvent: CLOUD_EVENT,
  validateTenantPath: LOG_PATH,
  validateCompareBody: COMPARE_BODY,
  validateWorkQuery: WORK_QUERY,
  validateWorkPage: WORK_PAGE,
} as const;
