import type { JsonValue, Span } from './span';

/** The part of a span that its hash covers. */
export type Payload = { readonly [member: string]: JsonValue };

/**
 * What gets hashed of a span: every member except `curr_hash`, `signature` and those that are null or absent
 * (DESIGN.md section 3). Only the top level loses its nulls; a null inside `metadata` is content. Members that are
 * no columns stay in, so that adding one breaks the hash.
 */
export function payloadOf(span: Partial<Span>): Payload {
  // Without a prototype, so that a member called `__proto__` is a member like any other.
  const payload: Record<string, JsonValue> = Object.create(null);
  for (const [member, value] of Object.entries(span)) {
    if (value === null || value === undefined) continue;
    if (member === 'curr_hash' || member === 'signature') continue;
    payload[member] = value;
  }
  return payload;
}
