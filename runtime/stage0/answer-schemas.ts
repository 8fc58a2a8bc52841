import { SCOPES } from '../auth/scope';
import { TEXT } from '../ledger/span-schema';
import { HEALTH_CODES } from './health';
import { PUBLISHED_KEY } from './schemas';

// The answers of the routes, except spans.

const SPAN_REF = { $ref: '#/components/schemas/Span' };
const SUCCESS = { const: true };

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

export const APPENDED = {
  oneOf: [
    { type: 'object', required: ['success', 'span'], properties: { success: SUCCESS, span: ECHO } },
    {
      type: 'object',
      required: ['success', 'spans', 'count'],
      properties: { success: SUCCESS, spans: { type: 'array', items: ECHO }, count: { type: 'integer' } },
    },
  ],
};

export const IMPORTED = {
  type: 'object',
  required: ['success', 'count', 'added', 'present'],
  properties: {
    success: SUCCESS,
    count: { type: 'integer' },
    added: { type: 'integer', description: 'Spans that the ledger did not hold before.' },
    present: { type: 'integer' },
  },
};

export const PAGE = {
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

export const ENTITY = {
  type: 'object',
  required: ['span', 'versions', 'has_more', 'next_cursor'],
  properties: {
    span: SPAN_REF,
    versions: { type: 'array', items: SPAN_REF },
    has_more: { type: 'boolean' },
    next_cursor: { type: ['string', 'null'], description: 'null after the oldest version.' },
  },
};

export const PROOF = {
  type: 'object',
  required: ['leaf', 'index', 'size', 'hashes', 'checkpoint'],
  properties: {
    leaf: { ...TEXT, description: 'RFC 8785 text of the leaf.' },
    index: { type: 'integer', description: 'Position in the log.' },
    size: { type: 'integer', description: 'Spans in the log at the checkpoint.' },
    hashes: { type: 'array', items: TEXT, description: 'Base64, from leaf to root.' },
    checkpoint: { ...TEXT, description: 'Signed note.' },
  },
};

export const NOT_SEALED = {
  type: 'object',
  required: ['sealed', 'detail'],
  properties: { sealed: { const: false }, detail: TEXT },
};

export const CONSISTENCY = {
  type: 'object',
  required: ['from', 'to', 'hashes'],
  properties: {
    from: { type: 'integer' },
    to: { type: 'integer' },
    hashes: { type: 'array', items: TEXT, description: 'Base64.' },
  },
};

export const MANIFEST = { type: 'object', required: ['manifest'], properties: { manifest: SPAN_REF } };

export const EXECUTED = {
  type: 'object',
  required: ['success', 'function_id', 'result', 'execution'],
  properties: { success: SUCCESS, function_id: { type: 'string' }, result: {}, execution: SPAN_REF },
};

export const REQUESTED = {
  type: 'object',
  required: ['success', 'function_id', 'request'],
  properties: { success: SUCCESS, function_id: { type: 'string' }, request: SPAN_REF },
};

export const HEALTH = {
  type: 'object',
  required: ['status', 'migration', 'public_key'],
  properties: {
    status: { enum: ['ok', 'degraded'] },
    codes: {
      type: 'array',
      items: { enum: HEALTH_CODES },
    },
    migration: { type: 'string' },
    public_key: { type: 'string' },
  },
};

export const KEYS = {
  type: 'object',
  required: ['origin', 'keys'],
  properties: {
    origin: { type: 'string', description: 'Names the instance; what the names of its logs begin with.' },
    earlier_origins: {
      type: 'array',
      description: 'What they began with before a restore, the latest first; absent when there was none.',
      items: { type: 'string' },
    },
    keys: { type: 'array', items: PUBLISHED_KEY },
  },
};

export const ME = {
  type: 'object',
  required: ['user', 'tenant', 'scopes', 'expires_at'],
  properties: {
    user: TEXT,
    tenant: TEXT,
    scopes: { type: 'array', items: { enum: SCOPES } },
    expires_at: { type: 'string', format: 'date-time' },
  },
};
