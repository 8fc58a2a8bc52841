import { SCOPES } from '../auth/scope';
import { TEXT } from '../ledger/span-schema';
import { HEALTH_CODES } from './health';
import type { Route } from './route';

/** Query of `GET /api/health`. */
const HEALTH_QUERY = {
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
const PUBLISHED_KEY = {
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
const TENANT_STATUS = {
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

const HEALTH = {
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

const KEYS = {
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

const ME = {
  type: 'object',
  required: ['user', 'tenant', 'scopes', 'expires_at'],
  properties: {
    user: TEXT,
    tenant: TEXT,
    scopes: { type: 'array', items: { enum: SCOPES } },
    expires_at: { type: 'string', format: 'date-time' },
  },
};

/** The instance, its keys and health, and the caller. */
export const INSTANCE_ROUTES = [
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

/** What the handlers check by: the name of the compiled validator → its schema. */
export const INSTANCE_SCHEMAS = {
  validateHealthQuery: HEALTH_QUERY,
} as const;
