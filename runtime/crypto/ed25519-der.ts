// RFC 8410: a raw Ed25519 key is the tail of its DER form, after a constant prefix. Browsers load this too: no node: modules.

/** PKCS #8 bytes before the 32 bytes of a secret key, in hex. */
export const PKCS8_PREFIX_HEX = '302e020100300506032b657004220420';
/** SPKI bytes before the 32 bytes of a public key, in hex. */
export const SPKI_PREFIX_HEX = '302a300506032b6570032100';
