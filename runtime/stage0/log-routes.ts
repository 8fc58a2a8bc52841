import { NAME, TEXT } from '../ledger/span-schema';
import { TILE_PATTERN } from '../proofs/tile';
import type { Route } from './route';
import { ID_PATH, NO_QUERY, TENANT_PATH } from './schemas';

const TREE_SIZE = { type: 'string', pattern: '^(?:0|[1-9][0-9]{0,14})$' } as const;

/** Query of `GET /api/spans/{id}/proof`. */
const PROOF_QUERY = {
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

/** Path of a tile. */
const TILE_PATH = {
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
const CHECKPOINT_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: { size: { ...TREE_SIZE, description: 'Spans in the log; defaults to the newest checkpoint.' } },
} as const;

/** Query of `GET /api/log/{tenant}/consistency`. */
const CONSISTENCY_QUERY = {
  type: 'object',
  additionalProperties: false,
  required: ['from', 'to'],
  properties: {
    from: { ...TREE_SIZE, description: 'Size of the smaller log.' },
    to: { ...TREE_SIZE, description: 'Size of the greater log.' },
  },
} as const;

const PROOF = {
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

const NOT_SEALED = {
  type: 'object',
  required: ['sealed', 'detail'],
  properties: { sealed: { const: false }, detail: TEXT },
};

const CONSISTENCY = {
  type: 'object',
  required: ['from', 'to', 'hashes'],
  properties: {
    from: { type: 'integer' },
    to: { type: 'integer' },
    hashes: { type: 'array', items: TEXT, description: 'Base64.' },
  },
};

/** Proofs that nothing was removed or re-ordered. */
export const LOG_ROUTES = [
  {
    operation: 'readProof',
    method: 'GET',
    path: '/api/spans/{id}/proof',
    summary: "Read the proof that a span is in its tenant's log",
    description:
      'For callers that may read the span. Fold the hashes to the root of the checkpoint, as RFC 9162 section 2.1.3.2 says.',
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
    pathSchema: TENANT_PATH,
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
    pathSchema: TENANT_PATH,
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
] as const satisfies readonly Route[];

/** What the handlers check by: the name of the compiled validator → its schema. */
export const LOG_SCHEMAS = {
  validateProofQuery: PROOF_QUERY,
  validateCheckpointQuery: CHECKPOINT_QUERY,
  validateConsistencyQuery: CONSISTENCY_QUERY,
} as const;
