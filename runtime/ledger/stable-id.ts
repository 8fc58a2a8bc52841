import { deriveSeed } from '../auth';
import type { Identity } from '../base/identity';
import { blake3OfText, hex, toU8 } from '../crypto';
import { canonicalText } from '../json/canonical-json';
import type { KeyRing } from './keys/key-ring';

const SALT_LABEL = 'logline/stable-id/v1';

/**
 * A deterministic id: a UUID of RFC 9562 version 8 over the BLAKE3 hash of the parts. Appending a span under the same id
 * twice appends it once.
 */
export function stableId(...parts: readonly string[]): string {
  return uuidOfText(JSON.stringify(['logline', ...parts]));
}

/**
 * The id of the span for a CloudEvents event, derived from its writer and from `source` and `id`, which identify an
 * event (CloudEvents 1.0 section 3.1). A redelivery gets the same id; another writer's event never does.
 */
export function eventSpanId({ tenant, user }: Identity, source: string, id: string): string {
  return uuidOfText(canonicalText([tenant, user, source, id]));
}

/** A UUID of the first 16 bytes of the BLAKE3 hash of a text, with version 8 and variant set (RFC 9562 section 5.8). */
function uuidOfText(text: string): string {
  const digest = blake3OfText(text).slice(0, 16);
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  return hex(digest).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/**
 * The secret salt that makes this instance's stable ids unguessable. Otherwise a caller could compute an id and append
 * a span under it before the kernel does, suppressing or forging the kernel's. Derived from the oldest available key, so
 * that a rotation changes no id.
 */
export function stableIdSalt(ring: KeyRing): string {
  const oldest = ring.chronological[0] ?? ring.current;
  return hex(deriveSeed(toU8(oldest.secretKeyHex()), SALT_LABEL));
}
