import type { JsonValue, Span } from '../base/span';
import { sortNames } from './canonical-json';

/** The part of a span that its hash covers. */
export type Payload = { readonly [member: string]: JsonValue };

/**
 * What gets hashed of a span: every member except `curr_hash`, `signature` and those that are null or absent
 * (docs/format.md). Only the top level loses its nulls; a null inside `metadata` is content. Members that are
 * no columns stay in, so that adding one breaks the hash.
 */
export function payloadOf(span: Partial<Span>): Payload {
  const members = span as Readonly<Record<string, JsonValue | undefined>>;
  const payload: Record<string, JsonValue> = {};
  const names = Object.keys(members);
  // In the order in which they are hashed, which spares canonicalText a copy.
  sortNames(names);
  for (const name of names) {
    const value = members[name];
    if (value === null || value === undefined) continue;
    if (name === 'curr_hash' || name === 'signature') continue;
    if (name === '__proto__') defineMember(payload, name, value);
    else payload[name] = value;
  }
  return payload;
}

/** A member called `__proto__` is a member like any other; an assignment would make it the prototype. */
function defineMember(payload: Record<string, JsonValue>, name: string, value: JsonValue): void {
  Object.defineProperty(payload, name, { value, enumerable: true, configurable: true, writable: true });
}
