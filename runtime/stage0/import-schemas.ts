import { HEX_32, NAME, UUID } from '../ledger/span-schema';

// What `POST /api/import/compare` takes and answers.

export const COMPARE_BODY = {
  type: 'object',
  additionalProperties: false,
  required: ['tenant_id', 'versions'],
  properties: {
    tenant_id: NAME,
    versions: {
      type: 'array',
      minItems: 1,
      maxItems: 1_000,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['id', 'seq', 'owner_id', 'curr_hash'],
        properties: {
          id: UUID,
          seq: { type: 'integer', minimum: 0, maximum: 2_147_483_647 },
          owner_id: NAME,
          curr_hash: HEX_32,
        },
      },
    },
  },
} as const;

export const COMPARED = {
  type: 'object',
  required: ['success', 'count', 'held', 'missing'],
  properties: {
    success: { const: true },
    count: { type: 'integer' },
    held: { type: 'integer', description: 'Versions that the ledger holds with this owner and hash.' },
    missing: {
      type: 'array',
      maxItems: 100,
      description: 'The first of the others.',
      items: {
        type: 'object',
        required: ['id', 'seq'],
        properties: { id: { type: 'string' }, seq: { type: 'integer' } },
      },
    },
  },
};
