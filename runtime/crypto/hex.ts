/** Bytes as text and back. Everything LogLine writes in hex is lower case. */

const encoder = new TextEncoder();

/** A pattern for exactly `byteCount` bytes in lower-case hex. */
export function hexPattern(byteCount: number): RegExp {
  return new RegExp(`^[0-9a-f]{${byteCount * 2}}$`);
}

/** Lower-case hex of some bytes. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/**
 * Bytes of a hex text, of either case. Strict, because `Buffer.from(text, 'hex')` stops silently at the first
 * character it does not know.
 * @throws TypeError when the text has an odd length or any character that is not a hex digit.
 */
export function toU8(hexText: string): Uint8Array {
  if (typeof hexText !== 'string' || hexText.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(hexText)) {
    throw new TypeError('hex: expected an even number of hex digits');
  }
  // A copy, because a Buffer may be a window on Node's shared pool.
  return Uint8Array.from(Buffer.from(hexText, 'hex'));
}

/** UTF-8 bytes of a text. A lone surrogate becomes U+FFFD, so refuse those first where bytes get signed. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}
