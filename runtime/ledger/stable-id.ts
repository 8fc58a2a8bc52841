import { deriveSeed } from '../auth';
import type { Identity } from '../base/identity';
import { blake3OfText, hex, toU8 } from '../crypto';
import { canonicalText } from '../json/canonical-json';
import type { KeyRing } from './keys/key-ring';

const SALT_LABEL = 'logline/stable-id/v1';

/**
 * A UUID made of its parts alone: RFC 9562 version 8 over BLAKE3. Appending a span under such an id twice
 * appends it once.
 */
export function stableId(...parts: readonly string[]): string {
  return uuidOfText(JSON.stringify(['logline', ...parts]));
}

/**
 * The id of the span that stands for a CloudEvents event: made of its writer and of the pair by which CloudEvents 1.0
 * section 3.1 tells events apart, so that a redelivery meets its span and writers never meet each other's.
 */
export function eventSpanId({ tenant, user }: Identity, source: string, id: string): string {
  return uuidOfText(canonicalText([tenant, user, source, id]));
}

/** RFC 9562 section 5.8: the first 16 bytes of the BLAKE3 of a text, with version and variant. */
function uuidOfText(text: string): string {
  const digest = blake3OfText(text).slice(0, 16);
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  return hex(digest).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/**
 * What makes stable ids of this instance unguessable: whoever could compute one could take the id before the kernel
 * does, and so suppress or forge what it stands for. Derived from the oldest key at hand, so that a rotation changes
 * no id.
 */
export function stableIdSalt(ring: KeyRing): string {
  const oldest = ring.chronological[0] ?? ring.current;
  return hex(deriveSeed(toU8(oldest.secretKeyHex()), SALT_LABEL));
}
