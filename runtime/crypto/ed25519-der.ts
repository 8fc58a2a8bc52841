// RFC 8410: a raw Ed25519 key is the tail of its DER form, after a constant prefix. Browsers load this too: no node: modules.

/** What stands before the 32 bytes of a secret key in PKCS #8, in hex. */
export const PKCS8_PREFIX_HEX = '302e020100300506032b657004220420';
/** What stands before the 32 bytes of a public key in SPKI, in hex. */
export const SPKI_PREFIX_HEX = '302a300506032b6570032100';
