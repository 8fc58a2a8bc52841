/**
 * What routes of several groups take and give, and the form of every error: JSON Schema 2020-12. The validators are
 * compiled from the schemas of the groups (`npm run generate`), and `/openapi.json` is made of them.
 */

import { NAME, TEXT, UUID } from '../ledger/span-schema';

/** A span, by its name in the OpenAPI document. */
export const SPAN_REF = { $ref: '#/components/schemas/Span' };

export const SUCCESS = { const: true };

/** Query of a route that takes none. */
export const NO_QUERY = { type: 'object', additionalProperties: false, properties: {} } as const;

/** Path of the routes with a UUID. */
export const ID_PATH = {
  type: 'object',
  required: ['id'],
  properties: { id: UUID },
} as const;

/** Path of the routes with a tenant. */
export const TENANT_PATH = {
  type: 'object',
  required: ['tenant'],
  properties: { tenant: NAME },
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

/** What the handlers check by: the name of the compiled validator → its schema. */
export const SHARED_SCHEMAS = {
  validateIdPath: ID_PATH,
  validateNoQuery: NO_QUERY,
  validateTenantPath: TENANT_PATH,
} as const;
