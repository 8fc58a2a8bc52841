// Bytes as text and back. Everything LogLine writes in hex is lower case.

const encoder = new TextEncoder();

/** A pattern that matches exactly `byteCount` bytes in lower-case hex. */
export function hexPattern(byteCount: number): RegExp {
  return new RegExp(`^[0-9a-f]{${byteCount * 2}}$`);
}

/** Lower-case hex of some bytes. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/**
 * Decodes hex of either case. Strict, unlike `Buffer.from(text, 'hex')`, which silently stops at the first character
 * that is no hex digit.
 * @throws TypeError when the text has an odd length or a character that is no hex digit
 */
export function toU8(hexText: string): Uint8Array {
  if (typeof hexText !== 'string' || hexText.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(hexText)) {
    throw new TypeError('hex: expected an even number of hex digits');
  }
  // A copy, because a Buffer may be a view of Node's shared pool.
  return Uint8Array.from(Buffer.from(hexText, 'hex'));
}

/** UTF-8 bytes of a text. A lone surrogate becomes U+FFFD, so refuse those first where the bytes are signed. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}
