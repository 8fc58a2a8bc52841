import { UUID_PATTERN } from '../base/uuid';
import { NAME, UUID, WORD } from '../ledger/span-schema';
import { CLOUD_EVENT, EVENT_EXAMPLE } from './cloud-event-schema';
import type { Route } from './route';
import { ID_PATH, SPAN_REF, SUCCESS } from './schemas';

const SPAN_INPUT_REF = { $ref: '#/components/schemas/SpanInput' };

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
const SPAN_QUERY = {
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

const PAGE = {
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
};

const ENTITY = {
  type: 'object',
  required: ['span', 'versions', 'has_more', 'next_cursor'],
  properties: {
    span: SPAN_REF,
    versions: { type: 'array', items: SPAN_REF },
    has_more: { type: 'boolean' },
    next_cursor: { type: ['string', 'null'], description: 'null after the oldest version.' },
  },
};

/** Append, list and read spans. */
export const SPAN_ROUTES = [
  {
    operation: 'appendSpans',
    method: 'POST',
    path: '/api/spans',
    summary: 'Append one span, or up to 1000, all or nothing',
    description:
      'The same id and seq with the same content answers 200 with what is stored, so a request can be repeated for ever. A batch answers `spans` and `count`, a single span `span`. A CloudEvents 1.0 event becomes a span: type its entity_type, source its who, subject its this, time its at, data its metadata, the trace of traceparent its trace_id; id, datacontenttype, dataschema and extensions become input. The id of that span is made of tenant, user, source and id, so a redelivery is appended once.',
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
] as const satisfies readonly Route[];

/** What the handlers check by: the name of the compiled validator → its schema. */
export const SPAN_SCHEMAS = {
  validateTimelineQuery: TIMELINE_QUERY,
  validateSpanQuery: SPAN_QUERY,
  validateCloudEvent: CLOUD_EVENT,
} as const;
