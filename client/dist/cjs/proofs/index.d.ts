/** A state of a tenant's log, and who vouched for it. */
export interface Checkpoint {
    readonly origin: string;
    /** Spans in the log. */
    readonly size: number;
    /** Base64 of 32 bytes. */
    readonly root: string;
    /** Names of the witnesses whose cosignature is good, with the time in seconds since 1970. */
    readonly witnesses: readonly {
        readonly name: string;
        readonly time: number;
    }[];
}
/** What the check of a proof says. */
export interface ProofVerdict {
    readonly ok: boolean;
    /** What is wrong; empty when ok. */
    readonly faults: readonly string[];
    /** Position of the span in the log, once the proof could be read. */
    readonly index?: number;
    /** What the proof leads to, once that was opened. */
    readonly checkpoint?: Checkpoint;
}
/** A proof as `GET /api/spans/{id}/proof` answers it as JSON. */
export interface JsonProof {
    readonly index: number;
    /** Base64, leaf to root. */
    readonly hashes: readonly string[];
    /** A signed note. */
    readonly checkpoint: string;
}
/** What names a version and its content. */
export interface ProvenSpan {
    readonly id: string;
    readonly seq: number;
    readonly curr_hash: string;
}
/**
 * Checks, offline, that a span is in the log that one of the keys speaks for. That the span has the hash it says is for
 * `verifySpan` to check.
 * @param proof a tlog-proof (https://c2sp.org/tlog-proof), or its JSON form
 * @param vkeys verifier keys (https://c2sp.org/signed-note) of the log, and of witnesses to be told of
 */
export declare function verifySpanProof(span: ProvenSpan, proof: string | JsonProof, vkeys: readonly string[]): Promise<ProofVerdict>;
/**
 * Reads a checkpoint and checks that the log signed it.
 * @throws Error when it is none, or no key given is the log's
 */
export declare function openCheckpoint(note: string, vkeys: readonly string[]): Promise<Checkpoint>;
/**
 * Checks that a later checkpoint only added to an earlier one of the same log.
 * @param hashes base64, as `GET /api/log/{tenant}/consistency` answers them
 */
export declare function verifyConsistency(earlier: string, later: string, hashes: readonly string[], vkeys: readonly string[]): Promise<ProofVerdict>;
