import type { JsonValue, Span } from '../base/span';
import { sortNames } from './canonical-json';

/** The part of a span that its hash covers. */
export type Payload = { readonly [member: string]: JsonValue };

/**
 * The members of a span that its hash covers: all but `curr_hash`, `signature` and those that are null or absent
 * (docs/format.md). Only top-level nulls are dropped; a null inside `metadata` is content. Unknown members stay, so
 * that adding one breaks the hash.
 */
export function payloadOf(span: Partial<Span>): Payload {
  const members = span as Readonly<Record<string, JsonValue | undefined>>;
  const payload: Record<string, JsonValue> = {};
  const names = Object.keys(members);
  // Sorted as they are hashed, so that canonicalText needs no copy.
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

/** Defines a member called `__proto__`, which an assignment would make the prototype. */
function defineMember(payload: Record<string, JsonValue>, name: string, value: JsonValue): void {
  Object.defineProperty(payload, name, { value, enumerable: true, configurable: true, writable: true });
}
