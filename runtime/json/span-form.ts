import type { Span } from '../base/span';
import { isUuid } from '../base/uuid';
import { isTimestamp } from './timestamp';

// The form of a span, checked before its hash means anything. Browsers load this too: no node: modules.

const HASH = /^[0-9a-f]{64}$/;
const KEY = HASH;
const SIGNATURE = /^[0-9a-f]{128}$/;

/** Fault of a span that cannot be hashed. */
export const NOT_JSON = 'the span holds a value that JSON cannot carry';

/**
 * The first member that the ledger would not return as it was sent, as a sentence; undefined when there is none.
 * PostgreSQL normalises times and UUIDs, so a signature over any other spelling would not verify when read back.
 */
export function malformation(span: Partial<Span>): string | undefined {
  if (typeof span !== 'object' || span === null || Array.isArray(span)) return 'a span is a JSON object';
  if (!isUuid(span.id)) return 'id must be a UUID in lower case';
  if (!Number.isSafeInteger(span.seq) || Number(span.seq) < 0) return 'seq must be a whole number from 0';
  if (!isTimestamp(span.at))
    return 'at must be RFC 3339 in UTC with three fractional digits, such as 2025-01-31T23:59:59.000Z';
  if (isPresent(span.parent_id) && !isUuid(span.parent_id)) return 'parent_id must be a UUID in lower case';
  if (isPresent(span.related_to) && !(Array.isArray(span.related_to) && span.related_to.every(isUuid))) {
    return 'related_to must be a list of UUIDs in lower case';
  }
  if (isPresent(span.prev_hash) && !isMatch(span.prev_hash, HASH))
    return 'prev_hash must be 64 lower-case hex digits';
  return undefined;
}

/** What is wrong with the form of a span's hash, signature or key, as a sentence; undefined when nothing is. */
export function signatureMalformation(span: Partial<Span>): string | undefined {
  if (!isMatch(span.curr_hash, HASH)) return 'curr_hash must be 64 lower-case hex digits';
  if (!isMatch(span.signature, SIGNATURE)) return 'signature must be 128 lower-case hex digits';
  if (!isMatch(span.public_key, KEY)) return 'public_key must be 64 lower-case hex digits';
  return undefined;
}

function isPresent(value: unknown): boolean {
  return value !== null && value !== undefined;
}

function isMatch(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}
