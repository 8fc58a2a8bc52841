import { PKCS8_PREFIX_HEX } from '../../../runtime/crypto/ed25519-der';
import { portableBlake3 } from '../../../runtime/crypto/portable-blake3';
import { portableBytes, portableHex } from '../../../runtime/crypto/portable-hex';
import { payloadOf } from '../../../runtime/json/payload';
import { portableCanonical } from '../../../runtime/json/portable-canonical';
import { malformation, NOT_JSON, signatureMalformation } from '../../../runtime/json/span-form';
import { verifyEd25519 } from './web-ed25519';

export { type KeyLapse, type KeyValidity, keyLapse } from './key-validity';

/** A fault of a span. */
export interface SpanFault {
  readonly fault: 'malformed' | 'hash' | 'signature' | 'untrusted';
  readonly detail: string;
}

/** The outcome of {@link verifySpan}. */
export interface SpanVerdict {
  readonly ok: boolean;
  /** Empty when ok. */
  readonly faults: readonly SpanFault[];
}

/** Further requirements of {@link verifySpan}. */
export interface VerifyOptions {
  /** Public keys in hex, such as those of `/api/keys`, of which one must have signed. Defaults to any key. */
  readonly trustedKeys?: ReadonlySet<string>;
}

/**
 * Verifies a span from its JSON alone: form, hash, signature, and whether the key is trusted. It does not compare
 * `prev_hash` with the version before.
 * @param span the answer of the ledger; any other value is malformed
 * @throws Error only when WebCrypto lacks Ed25519
 */
export async function verifySpan(span: unknown, { trustedKeys }: VerifyOptions = {}): Promise<SpanVerdict> {
  const malformed = malformation(span as object) ?? signatureMalformation(span as object);
  if (malformed !== undefined) return verdict([{ fault: 'malformed', detail: malformed }]);
  const { curr_hash, signature, public_key } = span as Readonly<Record<string, string>>;
  const faults: SpanFault[] = [];
  const computed = hashOrUndefined(span as object);
  if (computed === undefined) return verdict([{ fault: 'malformed', detail: NOT_JSON }]);
  if (computed !== curr_hash) {
    faults.push({ fault: 'hash', detail: `curr_hash is ${curr_hash}, the content hashes to ${computed}` });
  }
  const [mark, message, key] = [signature, curr_hash, public_key].map((text = '') => portableBytes(text));
  if (
    mark === undefined ||
    message === undefined ||
    key === undefined ||
    !(await verifyEd25519(mark, message, key))
  ) {
    faults.push({ fault: 'signature', detail: `signature is not one of ${public_key} over curr_hash` });
  }
  if (trustedKeys !== undefined && !trustedKeys.has(public_key ?? '')) {
    faults.push({ fault: 'untrusted', detail: `public_key ${public_key} is not trusted` });
  }
  return verdict(faults);
}

/**
 * The hash of a span in hex: BLAKE3-256 over the RFC 8785 text of all its members but `curr_hash`, `signature` and those
 * that are null.
 * @throws TypeError when a value in it is not JSON
 */
export function hashSpan(span: object): string {
  return portableHex(portableBlake3(new TextEncoder().encode(portableCanonical(payloadOf(span)))));
}

/**
 * Makes a function that signs spans with your own key; pass it to the client as `sign`.
 * @param secretKeyHex the 32-byte seed (RFC 8032) in hex
 * @throws TypeError when it is not 64 hex digits
 */
export async function signerOf(
  secretKeyHex: string,
): Promise<<Span extends object>(span: Span) => Promise<Span & SpanSeal>> {
  if (!/^[0-9a-f]{64}$/i.test(secretKeyHex)) throw new TypeError('a secret key is 64 hex digits');
  const key = await crypto.subtle.importKey(
    'pkcs8',
    portableBytes(PKCS8_PREFIX_HEX + secretKeyHex),
    'Ed25519',
    true,
    ['sign'],
  );
  const { x = '' } = await crypto.subtle.exportKey('jwk', key);
  const publicBytes = atob(x.replaceAll('-', '+').replaceAll('_', '/'));
  const public_key = portableHex(Uint8Array.from(publicBytes, (character) => character.charCodeAt(0)));
  return async (span) => {
    const curr_hash = hashSpan({ ...span, public_key });
    const signature = await crypto.subtle.sign('Ed25519', key, portableBytes(curr_hash));
    return { ...span, public_key, curr_hash, signature: portableHex(new Uint8Array(signature)) };
  };
}

/** What signing adds to a span, in hex. */
export interface SpanSeal {
  readonly public_key: string;
  readonly curr_hash: string;
  readonly signature: string;
}

function hashOrUndefined(span: object): string | undefined {
  try {
    return hashSpan(span);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function verdict(faults: readonly SpanFault[]): SpanVerdict {
  return { ok: faults.length === 0, faults };
}
