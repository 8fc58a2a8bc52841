/**
 * Whether an Ed25519 signature is good, by WebCrypto, under the same rules as the ledger: neither the key nor R is of
 * small order or has a y that is not reduced.
 * @throws Error where WebCrypto has no Ed25519 (browsers before 2025).
 */
export declare function verifyEd25519(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): Promise<boolean>;
