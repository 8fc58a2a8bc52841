import { randomUUID } from 'node:crypto';
import { seal } from '../unit/ledger/independent-span-check';

/** A client-signed span in wire form. */
export type ClientSpan = Record<string, unknown>;

export const CLIENT_KEY = new Uint8Array(32).fill(7);

/** A complete span, signed by the independent implementation with the client's key. */
export function clientSpan(more: Record<string, unknown> = {}, key: Uint8Array = CLIENT_KEY): ClientSpan {
  return { ...seal({ ...unsealedSpan(), ...more }, key) };
}

/** A complete span before signing. */
export function unsealedSpan(): Record<string, unknown> {
  return {
    id: randomUUID(),
    seq: 0,
    entity_type: 'note',
    who: 'alice',
    this: 'signed by the client',
    at: '2025-06-01T12:00:00.000Z',
    owner_id: 'alice',
    tenant_id: 'acme',
    visibility: 'private',
    is_deleted: false,
    metadata: { nested: { list: [1, { deep: 'text' }] } },
  };
}
