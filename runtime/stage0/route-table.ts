import { SCOPES, type Scope } from '../auth/scope';
import { SPAN, SPAN_INPUT, TEXT } from '../ledger/span-schema';
import {
  CHECKPOINT_QUERY,
  CLOUD_EVENT,
  CONSISTENCY_QUERY,
  EXECUTE_BODY,
  HEALTH_QUERY,
  ID_PATH,
  LOG_PATH,
  NO_QUERY,
  PROOF_QUERY,
  PUBLISHED_KEY,
  SPAN_QUERY,
  TENANT_STATUS,
  TILE_PATH,
  TIMELINE_QUERY,
} from './schemas';

/** One route of the API: what the router, the OpenAPI document and API Gateway need of it. */
export interface Route {
  readonly operation: OperationName;
  readonly method: 'GET' | 'POST';
  /** With `{parameters}`, as OpenAPI and API Gateway write them; `{name+}` is the whole rest of the path. */
  readonly path: string;
  readonly summary: string;
  /** Scope a token must carry. Without a token the route answers as to nobody, unless `tokenNeeded`. */
  readonly scope?: Scope;
  /** Defaults to false. */
  readonly tokenNeeded?: boolean;
  readonly pathSchema?: object;
  readonly querySchema?: object;
  /** Media type → schema of the body. */
  readonly body?: { readonly [mediaType: string]: object };
  readonly headers?: readonly { readonly name: string; readonly description: string }[];
  /** Status → what it means and the schema of the answer. */
  readonly answers: {
    readonly [status: number]: {
      readonly description: string;
      readonly schema: object;
      /** Other media types, each of which is answered as text or bytes. Defaults to none beside JSON. */
      readonly raw?: readonly string[];
    };
  };
  /** Error statuses beside 500 and 503. */
  readonly errors: readonly number[];
}

export type OperationName =
  | 'appendSpans'
  | 'importSpans'
  | 'listTimeline'
  | 'readSpan'
  | 'readProof'
  | 'readCheckpoint'
  | 'readConsistency'
  | 'readTile'
  | 'readManifest'
  | 'executeFunction'
  | 'readHealth'
  | 'readKeys'
  | 'readMe'
  | 'readStatus'
  | 'readOpenApi';

const SPAN_REF = { $ref: '#/components/schemas/Span' };
const SPAN_INPUT_REF = { $ref: '#/components/schemas/SpanInput' };
const CLOUD_EVENT_REF = { $ref: '#/components/schemas/CloudEvent' };
const SUCCESS = { const: true };

/** Schemas that the OpenAPI document names. */
export const COMPONENTS = { Span: SPAN, SpanInput: SPAN_INPUT, CloudEvent: CLOUD_EVENT } as const;

/** A span, or what stands for it when the client prefers that or the answer would pass 4 MiB. */
const ECHO = {
  anyOf: [
    SPAN_REF,
    {
      type: 'object',
      additionalProperties: false,
      required: ['id', 'seq', 'curr_hash'],
      properties: {
        id: { type: 'string' },
        seq: { type: 'integer' },
        curr_hash: { type: 'string' },
      },
    },
  ],
};

const APPENDED = {
  oneOf: [
    { type: 'object', required: ['success', 'span'], properties: { success: SUCCESS, span: ECHO } },
    {
      type: 'object',
      required: ['success', 'spans', 'count'],
      properties: { success: SUCCESS, spans: { type: 'array', items: ECHO }, count: { type: 'integer' } },
    },
  ],
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

export const ROUTES: readonly Route[] = [
  {
    operation: 'appendSpans',
    method: 'POST',
    path: '/api/spans',
    summary: 'Append one span, or up to 1000, all or nothing',
    scope: 'spans:write',
    tokenNeeded: true,
    body: {
      'application/json': {
        oneOf: [SPAN_INPUT_REF, { type: 'array', minItems: 1, maxItems: 1000, items: SPAN_INPUT_REF }],
      },
      'application/x-ndjson': { ...SPAN_INPUT_REF, description: 'One span a line, at most 1000.' },
      'application/cloudevents+json': CLOUD_EVENT_REF,
      'application/cloudevents-batch+json': {
        type: 'array',
        minItems: 1,
        maxItems: 1000,
        items: CLOUD_EVENT_REF,
      },
    },
    headers: [
      {
        name: 'Idempotency-Key',
        description: 'Makes a retry safe for spans without an id; per tenant, 1 to 255 characters.',
      },
      {
        name: 'Prefer',
        description:
          '`return=minimal` answers `{id, seq, curr_hash}` in place of each span (RFC 7240); so does an answer that would pass 4 MiB. `Preference-Applied` says so.',
      },
      {
        name: 'traceparent',
        description:
          'Its trace becomes the trace_id of spans that have none and are not signed by the client (W3C Trace Context).',
      },
    ],
    answers: {
      201: { description: 'Appended.', schema: APPENDED },
      200: { description: 'Everything was in the ledger before; the stored spans.', schema: APPENDED },
    },
    errors: [400, 401, 403, 409, 413, 415, 422, 429],
  },
  {
    operation: 'importSpans',
    method: 'POST',
    path: '/api/import',
    summary: 'Append up to 1000 signed spans of one tenant as they are; for the operator',
    scope: 'admin',
    tokenNeeded: true,
    body: {
      'application/json': { type: 'array', minItems: 1, maxItems: 1000, items: SPAN_REF },
      'application/x-ndjson': { ...SPAN_REF, description: 'One span a line, at most 1000.' },
    },
    answers: {
      201: { description: 'Some are new.', schema: IMPORTED },
      200: { description: 'All were in the ledger before, with the same hashes.', schema: IMPORTED },
    },
    errors: [400, 401, 403, 409, 413, 415, 422, 429],
  },
  {
    operation: 'listTimeline',
    method: 'GET',
    path: '/api/timeline',
    summary: 'List the spans that the caller may read',
    scope: 'timeline:read',
    querySchema: TIMELINE_QUERY,
    answers: {
      200: {
        description: 'A page.',
        schema: {
          type: 'object',
          required: ['spans', 'count', 'has_more', 'next_cursor'],
          properties: {
            spans: { type: 'array', items: SPAN_REF },
            count: { type: 'integer' },
            has_more: { type: 'boolean' },
            next_cursor: {
              type: ['string', 'null'],
              description: 'null after the last page; never null for feed.',
            },
          },
        },
      },
    },
    errors: [400, 401, 403, 429],
  },
  {
    operation: 'readSpan',
    method: 'GET',
    path: '/api/spans/{id}',
    summary: 'Read an entity: its newest version and its history',
    scope: 'timeline:read',
    pathSchema: ID_PATH,
    querySchema: SPAN_QUERY,
    answers: {
      200: {
        description:
          'The entity, and its newest versions that fit, oldest first; the cursor leads to older ones.',
        schema: {
          type: 'object',
          required: ['span', 'versions', 'has_more', 'next_cursor'],
          properties: {
            span: SPAN_REF,
            versions: { type: 'array', items: SPAN_REF },
            has_more: { type: 'boolean' },
            next_cursor: { type: ['string', 'null'], description: 'null after the oldest version.' },
          },
        },
      },
    },
    errors: [400, 401, 403, 404, 429],
  },
  {
    operation: 'readProof',
    method: 'GET',
    path: '/api/spans/{id}/proof',
    summary: "Read the proof that a span is in its tenant's log",
    scope: 'timeline:read',
    pathSchema: ID_PATH,
    querySchema: PROOF_QUERY,
    headers: [
      {
        name: 'Prefer',
        description: '`wait=N` waits up to N seconds (20 at most) until the span is sealed.',
      },
    ],
    answers: {
      200: {
        description: 'A tlog-proof (https://c2sp.org/tlog-proof), or its parts as JSON.',
        raw: ['text/plain'],
        schema: {
          type: 'object',
          required: ['leaf', 'index', 'size', 'hashes', 'checkpoint'],
          properties: {
            leaf: { ...TEXT, description: 'RFC 8785 text of the leaf.' },
            index: { type: 'integer', description: 'Position in the log.' },
            size: { type: 'integer', description: 'Spans in the log at the checkpoint.' },
            hashes: { type: 'array', items: TEXT, description: 'Base64, from leaf to root.' },
            checkpoint: { ...TEXT, description: 'Signed note.' },
          },
        },
      },
      202: {
        description: 'Not sealed yet; Retry-After says when to ask again.',
        schema: {
          type: 'object',
          required: ['sealed', 'detail'],
          properties: { sealed: { const: false }, detail: TEXT },
        },
      },
    },
    errors: [400, 401, 403, 404],
  },
  {
    operation: 'readCheckpoint',
    method: 'GET',
    path: '/api/log/{tenant}/checkpoint',
    summary: "Read a signed state of a tenant's log",
    scope: 'timeline:read',
    tokenNeeded: true,
    pathSchema: LOG_PATH,
    querySchema: CHECKPOINT_QUERY,
    answers: {
      200: {
        description: 'A checkpoint (https://c2sp.org/tlog-checkpoint) with its cosignatures.',
        raw: ['text/plain'],
        schema: TEXT,
      },
    },
    errors: [400, 401, 403, 404],
  },
  {
    operation: 'readConsistency',
    method: 'GET',
    path: '/api/log/{tenant}/consistency',
    summary: "Read the proof that a tenant's log begins with what it was before",
    scope: 'timeline:read',
    tokenNeeded: true,
    pathSchema: LOG_PATH,
    querySchema: CONSISTENCY_QUERY,
    answers: {
      200: {
        description: 'RFC 6962 section 2.1.2.',
        schema: {
          type: 'object',
          required: ['from', 'to', 'hashes'],
          properties: {
            from: { type: 'integer' },
            to: { type: 'integer' },
            hashes: { type: 'array', items: TEXT, description: 'Base64.' },
          },
        },
      },
    },
    errors: [400, 401, 403, 404],
  },
  {
    operation: 'readTile',
    method: 'GET',
    path: '/api/log/{tenant}/tile/{tile+}',
    summary: "Read hashes of a tenant's log, or with scope admin its leaves",
    scope: 'timeline:read',
    tokenNeeded: true,
    pathSchema: TILE_PATH,
    querySchema: NO_QUERY,
    answers: {
      200: {
        description: 'A tile or a bundle of entries (https://c2sp.org/tlog-tiles).',
        raw: ['application/octet-stream'],
        schema: { type: 'string', format: 'binary' },
      },
    },
    errors: [400, 401, 403, 404],
  },
  {
    operation: 'readManifest',
    method: 'GET',
    path: '/api/manifest/{name}',
    summary: 'Read the newest visible version of a manifest',
    scope: 'timeline:read',
    pathSchema: {
      type: 'object',
      required: ['name'],
      properties: { name: { type: 'string', minLength: 1, maxLength: 255 } },
    },
    answers: {
      200: {
        description: 'The manifest.',
        schema: { type: 'object', required: ['manifest'], properties: { manifest: SPAN_REF } },
      },
    },
    errors: [400, 401, 403, 404, 429],
  },
  {
    operation: 'executeFunction',
    method: 'POST',
    path: '/api/execute/{function_id}',
    summary: 'Run a function or a kernel',
    scope: 'execute',
    tokenNeeded: true,
    pathSchema: { ...ID_PATH, required: ['function_id'], properties: { function_id: ID_PATH.properties.id } },
    body: { 'application/json': EXECUTE_BODY },
    headers: [
      { name: 'Prefer', description: '`respond-async` answers at once with the request span (RFC 7240).' },
    ],
    answers: {
      200: {
        description: 'The function ran.',
        schema: {
          type: 'object',
          required: ['success', 'function_id', 'result', 'execution'],
          properties: { success: SUCCESS, function_id: { type: 'string' }, result: {}, execution: SPAN_REF },
        },
      },
      202: {
        description: 'Requested; the request span gets its outcome as later versions.',
        schema: {
          type: 'object',
          required: ['success', 'function_id', 'request'],
          properties: { success: SUCCESS, function_id: { type: 'string' }, request: SPAN_REF },
        },
      },
    },
    errors: [400, 401, 403, 404, 413, 415, 422, 429],
  },
  {
    operation: 'readHealth',
    method: 'GET',
    path: '/api/health',
    summary: 'Whether the database is reachable and migrated, and what is not well besides',
    querySchema: HEALTH_QUERY,
    answers: {
      200: {
        description: 'The ledger answers; `degraded` says by codes what is not well.',
        schema: {
          type: 'object',
          required: ['status', 'migration', 'public_key'],
          properties: {
            status: { enum: ['ok', 'degraded'] },
            codes: {
              type: 'array',
              items: { enum: ['writes_failing', 'ticks_late', 'feed_held_back', 'restore_needed'] },
            },
            migration: { type: 'string' },
            public_key: { type: 'string' },
          },
        },
      },
    },
    errors: [400],
  },
  {
    operation: 'readKeys',
    method: 'GET',
    path: '/api/keys',
    summary: 'The keys of the instance, by which anybody can judge a signature',
    answers: {
      200: {
        description: 'The keys, in the order in which they came.',
        schema: {
          type: 'object',
          required: ['origin', 'keys'],
          properties: {
            origin: { type: 'string', description: 'Names the instance.' },
            keys: { type: 'array', items: PUBLISHED_KEY },
          },
        },
      },
    },
    errors: [],
  },
  {
    operation: 'readMe',
    method: 'GET',
    path: '/api/me',
    summary: 'Who the token says is calling',
    tokenNeeded: true,
    answers: {
      200: {
        description: 'What the token says.',
        schema: {
          type: 'object',
          required: ['user', 'tenant', 'scopes', 'expires_at'],
          properties: {
            user: TEXT,
            tenant: TEXT,
            scopes: { type: 'array', items: { enum: SCOPES } },
            expires_at: { type: 'string', format: 'date-time' },
          },
        },
      },
    },
    errors: [401],
  },
  {
    operation: 'readStatus',
    method: 'GET',
    path: '/api/status',
    summary: "How the work of the caller's tenant is doing",
    scope: 'admin',
    tokenNeeded: true,
    answers: { 200: { description: 'Queue, schedules, quota, policies and jobs.', schema: TENANT_STATUS } },
    errors: [401, 403],
  },
  {
    operation: 'readOpenApi',
    method: 'GET',
    path: '/openapi.json',
    summary: 'This description',
    answers: { 200: { description: 'OpenAPI 3.1.', schema: { type: 'object' } } },
    errors: [],
  },
];
