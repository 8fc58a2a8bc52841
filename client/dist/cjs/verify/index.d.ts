/** What does not hold of a span. */
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
/** What {@link verifySpan} asks for beyond a good hash and signature. */
export interface VerifyOptions {
    /** Public keys in hex, such as those of `/api/keys`, of which one must have signed. Defaults to any key. */
    readonly trustedKeys?: ReadonlySet<string>;
}
/**
 * Checks a span by its JSON alone: its form, its hash, its signature, and whether the key is trusted. It does not look
 * at the version before.
 * @param span as the ledger answered it; any other value is malformed
 * @throws Error only where WebCrypto has no Ed25519
 */
export declare function verifySpan(span: unknown, { trustedKeys }?: VerifyOptions): Promise<SpanVerdict>;
/**
 * The hash of a span, in hex: BLAKE3-256 over the RFC 8785 form of what the hash covers.
 * @throws TypeError when a value in it is not JSON
 */
export declare function hashSpan(span: object): string;
/**
 * Signs spans with a key of one's own; give it to the client as `sign`.
 * @param secretKeyHex the 32-byte seed (RFC 8032) in hex
 * @throws TypeError when it is not 64 hex digits
 */
export declare function signerOf(secretKeyHex: string): Promise<(<Span extends object>(span: Span) => Promise<Span & SpanSeal>)>;
/** What signing adds to a span, in hex. */
export interface SpanSeal {
    readonly public_key: string;
    readonly curr_hash: string;
    readonly signature: string;
}
