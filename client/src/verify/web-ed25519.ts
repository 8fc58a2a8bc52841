import { isRefusedPoint } from '../../../runtime/crypto/ed25519-point';

type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** Parsing a key costs about as much as using it; a page of spans has few signers. */
const MAX_KEYS = 64;
const keys = new Map<string, Promise<Key>>();

/**
 * Whether an Ed25519 signature is good, by WebCrypto, under the same rules as the ledger: neither the key nor R is of
 * small order or has a y that is not reduced.
 * @throws Error when WebCrypto lacks Ed25519 (browsers before 2025)
 */
export async function verifyEd25519(
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
): Promise<boolean> {
  if (signature.length !== 64 || publicKey.length !== 32) return false;
  if (isRefusedPoint(publicKey) || isRefusedPoint(signature)) return false;
  try {
    const key = await keyOf(publicKey);
    return await crypto.subtle.verify('Ed25519', key, Uint8Array.from(signature), Uint8Array.from(message));
  } catch (cause) {
    // The bytes are no point of the curve.
    if (cause instanceof Error && ['DataError', 'OperationError'].includes(cause.name)) return false;
    throw new Error('this platform cannot check Ed25519 signatures; use a newer browser or Node.js 20', {
      cause,
    });
  }
}

function keyOf(publicKey: Uint8Array): Promise<Key> {
  const name = publicKey.join();
  const known = keys.get(name);
  if (known !== undefined) return known;
  const key = crypto.subtle.importKey('raw', Uint8Array.from(publicKey), 'Ed25519', false, ['verify']);
  if (keys.size >= MAX_KEYS) keys.clear();
  keys.set(name, key);
  return key;
}
