import { SPAN, SPAN_INPUT, TEXT } from '../ledger/span-schema';
import {
  APPENDED,
  CONSISTENCY,
  ENTITY,
  EXECUTED,
  HEALTH,
  IMPORTED,
  KEYS,
  MANIFEST,
  ME,
  NOT_SEALED,
  PAGE,
  PROOF,
  REQUESTED,
} from './answer-schemas';
import { COMPARE_BODY, COMPARED } from './import-schemas';
import type { Route } from './route';
import {
  CHECKPOINT_QUERY,
  CONSISTENCY_QUERY,
  EXECUTE_BODY,
  HEALTH_QUERY,
  ID_PATH,
  LOG_PATH,
  NO_QUERY,
  PROOF_QUERY,
  SPAN_QUERY,
  TENANT_STATUS,
  TILE_PATH,
  TIMELINE_QUERY,
} from './schemas';
import { FROZEN, THAWED, WORK_PAGE, WORK_QUERY, WORK_TAKEN } from './work-schemas';

const SPAN_REF = { $ref: '#/components/schemas/Span' };
const SPAN_INPUT_REF = { $ref: '#/components/schemas/SpanInput' };

/** An event as its media type is shown. */
const EVENT_EXAMPLE = {
  specversion: '1.0',
  id: 'A234-1234-1234',
  source: '/orders',
  type: 'order_placed',
  subject: 'order 4711',
  time: '2026-11-01T09:30:00Z',
  data: { total: 42 },
};

/** Schemas that the OpenAPI document names. */
export const COMPONENTS = { Span: SPAN, SpanInput: SPAN_INPUT } as const;

const TABLE = [
  {
    operation: 'appendSpans',
    method: 'POST',
    path: '/api/spans',
    summary: 'Append one span, or up to 1000, all or nothing',
    description:
      'All or nothing. The same id and seq with the same content answers 200 with what is stored, so a request can be repeated for ever. A batch answers `spans` and `count`, a single span `span`. A CloudEvents 1.0 event becomes a span: type its entity_type, source its who, subject its this, time its at, data its metadata, the trace of traceparent its trace_id; id, datacontenttype, dataschema and extensions become input. The id of that span is made of tenant, user, source and id, so a redelivery is appended once.',
    tag: 'spans',
    scope: 'spans:write',
    tokenNeeded: true,
    body: {
      'application/json': {
        schema: {
          oneOf: [SPAN_INPUT_REF, { type: 'array', minItems: 1, maxItems: 1000, items: SPAN_INPUT_REF }],
        },
      },
      'application/x-ndjson': {
        schema: { ...SPAN_INPUT_REF, description: 'One span a line, at most 1000.' },
      },
      // By example, not by schema: openapi-python-client tells several JSON bodies apart by code that Python refuses.
      'application/cloudevents+json': { example: EVENT_EXAMPLE },
      'application/cloudevents-batch+json': { example: [EVENT_EXAMPLE] },
    },
    headers: [
      {
        name: 'Idempotency-Key',
        description: 'Makes a retry safe for spans without an id; per tenant, 1 to 255 characters.',
        pattern: '^[!-~]{1,255}$',
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
    pathSchema: LOG_PATH,
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
    pathSchema: LOG_PATH,
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
    pathSchema: LOG_PATH,
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
    pathSchema: LOG_PATH,
    answers: {
      200: { description: 'The tenant writes again.', schema: THAWED },
      202: {
        description: 'Its work was just imported; Retry-After says when to ask again.',
        schema: THAWED,
      },
    },
    errors: [400, 401, 403, 429],
  },
  {
    operation: 'listTimeline',
    method: 'GET',
    path: '/api/timeline',
    summary: 'List the spans that the caller may read',
    description:
      'A page ends early, with `has_more: true`, before it passes 4 MiB. A listing by `desc` or `asc` is one consistent snapshot; `feed` is commit order, whose last cursor can be kept and polled for ever. A repeated filter means any of its values.',
    tag: 'spans',
    scope: 'timeline:read',
    querySchema: TIMELINE_QUERY,
    answers: {
      200: {
        description: 'A page.',
        schema: PAGE,
      },
    },
    errors: [400, 401, 403, 410, 429],
  },
  {
    operation: 'readSpan',
    method: 'GET',
    path: '/api/spans/{id}',
    summary: 'Read an entity: its newest version and its history',
    description:
      '404 also for what the caller may not read. `span` is the newest version, or the one of `seq`.',
    tag: 'spans',
    scope: 'timeline:read',
    pathSchema: ID_PATH,
    querySchema: SPAN_QUERY,
    answers: {
      200: {
        description:
          'The entity, and its newest versions that fit, oldest first; the cursor leads to older ones.',
        schema: ENTITY,
      },
    },
    errors: [400, 401, 403, 404, 429],
  },
  {
    operation: 'readProof',
    method: 'GET',
    path: '/api/spans/{id}/proof',
    summary: "Read the proof that a span is in its tenant's log",
    description:
      'For whoever may read the span. Fold the hashes to the root of the checkpoint, as RFC 9162 section 2.1.3.2 says.',
    tag: 'log',
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
        schema: PROOF,
      },
      202: {
        description: 'Not sealed yet; Retry-After says when to ask again.',
        schema: NOT_SEALED,
      },
    },
    errors: [400, 401, 403, 404],
  },
  {
    operation: 'readCheckpoint',
    method: 'GET',
    path: '/api/log/{tenant}/checkpoint',
    summary: "Read a signed state of a tenant's log",
    description: "The newest one, or that of one size. Another tenant's log is 404.",
    tag: 'log',
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
    description: 'Hashes by which RFC 9162 section 2.1.4.2 checks that nothing before changed.',
    tag: 'log',
    scope: 'timeline:read',
    tokenNeeded: true,
    pathSchema: LOG_PATH,
    querySchema: CONSISTENCY_QUERY,
    answers: {
      200: {
        description: 'RFC 6962 section 2.1.2.',
        schema: CONSISTENCY,
      },
    },
    errors: [400, 401, 403, 404],
  },
  {
    operation: 'readTile',
    method: 'GET',
    path: '/api/log/{tenant}/tile/{tile+}',
    summary: "Read hashes of a tenant's log, or with scope admin its leaves",
    description:
      'Never changes once it is served. Entries list private spans of the tenant too, so they take scope `admin`.',
    tag: 'log',
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
    description: 'The manifest says which kernels may boot, quotas and thresholds.',
    tag: 'functions',
    scope: 'timeline:read',
    pathSchema: {
      type: 'object',
      required: ['name'],
      properties: { name: { type: 'string', minLength: 1, maxLength: 255 } },
    },
    answers: {
      200: {
        description: 'The manifest.',
        schema: MANIFEST,
      },
    },
    errors: [400, 401, 403, 404, 429],
  },
  {
    operation: 'executeFunction',
    method: 'POST',
    path: '/api/execute/{function_id}',
    summary: 'Run a function or a kernel',
    description:
      'Whatever the function returns or throws, one execution span records it. 422 holds that span and the error of a function that failed.',
    tag: 'functions',
    scope: 'execute',
    tokenNeeded: true,
    pathSchema: { ...ID_PATH, required: ['function_id'], properties: { function_id: ID_PATH.properties.id } },
    body: { 'application/json': { schema: EXECUTE_BODY } },
    headers: [
      { name: 'Prefer', description: '`respond-async` answers at once with the request span (RFC 7240).' },
    ],
    answers: {
      200: {
        description: 'The function ran.',
        schema: EXECUTED,
      },
      202: {
        description: 'Requested; the request span gets its outcome as later versions.',
        schema: REQUESTED,
      },
    },
    errors: [400, 401, 403, 404, 413, 415, 422, 429],
  },
  {
    operation: 'readHealth',
    method: 'GET',
    path: '/api/health',
    summary: 'Whether the database is reachable and migrated, and what is not well besides',
    description: '503 when the database is not reachable or not migrated. Needs no token.',
    tag: 'instance',
    querySchema: HEALTH_QUERY,
    answers: {
      200: {
        description: 'The ledger answers; `degraded` says by codes what is not well.',
        schema: HEALTH,
      },
    },
    errors: [400],
  },
  {
    operation: 'readKeys',
    method: 'GET',
    path: '/api/keys',
    summary: 'The keys of the instance, by which anybody can judge a signature',
    description: 'Purpose `span` signs spans, `checkpoint` signs logs. Needs no token.',
    tag: 'instance',
    answers: {
      200: {
        description: 'The keys, in the order in which they came.',
        schema: KEYS,
      },
    },
    errors: [],
  },
  {
    operation: 'readMe',
    method: 'GET',
    path: '/api/me',
    summary: 'Who the token says is calling',
    description: 'Any token will do, whatever its scopes.',
    tag: 'instance',
    tokenNeeded: true,
    answers: {
      200: {
        description: 'What the token says.',
        schema: ME,
      },
    },
    errors: [401],
  },
  {
    operation: 'readStatus',
    method: 'GET',
    path: '/api/status',
    summary: "How the work of the caller's tenant is doing",
    description:
      'Queue, schedules with their next due time, quota used, policies with lag and last error, and the last run of each job.',
    tag: 'instance',
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
    description: 'Made of the schemas by which requests are checked.',
    tag: 'instance',
    answers: { 200: { description: 'OpenAPI 3.1.', schema: { type: 'object' } } },
    errors: [],
  },
] as const satisfies readonly Route[];

export type OperationName = (typeof TABLE)[number]['operation'];

/** A route of the table. */
export type ListedRoute = Route & { readonly operation: OperationName };

export const ROUTES: readonly ListedRoute[] = TABLE;
