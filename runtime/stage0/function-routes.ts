import { ANY_JSON } from '../ledger/span-schema';
import type { Route } from './route';
import { ID_PATH, SPAN_REF, SUCCESS } from './schemas';

/** Body of `POST /api/execute/{function_id}`. */
const EXECUTE_BODY = {
  type: 'object',
  additionalProperties: false,
  properties: { input: ANY_JSON },
} as const;

const MANIFEST = { type: 'object', required: ['manifest'], properties: { manifest: SPAN_REF } };

const EXECUTED = {
  type: 'object',
  required: ['success', 'function_id', 'result', 'execution'],
  properties: { success: SUCCESS, function_id: { type: 'string' }, result: {}, execution: SPAN_REF },
};

const REQUESTED = {
  type: 'object',
  required: ['success', 'function_id', 'request'],
  properties: { success: SUCCESS, function_id: { type: 'string' }, request: SPAN_REF },
};

/** Run code of the ledger. */
export const FUNCTION_ROUTES = [
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
] as const satisfies readonly Route[];

/** What the handlers check by: the name of the compiled validator → its schema. */
export const FUNCTION_SCHEMAS = {
  validateExecuteBody: EXECUTE_BODY,
} as const;
