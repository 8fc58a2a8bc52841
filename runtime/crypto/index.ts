/** Hashes, signatures and signing keys: bytes only. */

export { blake3, blake3OfText, cryptoReady } from './blake3';
export { type Ed25519, ed25519, nobleEd25519, verifyAsync } from './ed25519';
export { hex, hexPattern, toU8, utf8 } from './hex';
export { nobleBlake3 } from './noble-blake3';
export { generateSigningKey, SigningKey, signingKeyFromHex } from './signing-key';
export { VerifyingThread } from './verifying-thread';
