import { ANY_JSON, NAME, WORD } from '../ledger/span-schema';

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

/** An event as its media type is shown. */
export const EVENT_EXAMPLE = {
  specversion: '1.0',
  id: 'A234-1234-1234',
  source: '/orders',
  type: 'order_placed',
  subject: 'order 4711',
  time: '2026-11-01T09:30:00Z',
  data: { total: 42 },
};
