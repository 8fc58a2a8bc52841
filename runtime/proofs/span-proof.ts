import { MalformedError } from '../base/errors';
import { type Checkpoint, parseCheckpoint } from './checkpoint';
import { type LeafSource, leafHashOf } from './leaf';
import type { Sha256 } from './merkle-hash';
import { verifyInclusion } from './merkle-proof';
import { parseNote, type VerifiedSignature, type VerifyEd25519, verifyNote } from './signed-note';
import { parseTlogProof } from './tlog-proof';
import { COSIGNER, SIGNER, type VerifierKey } from './verifier-key';

/** The keys and functions that proofs are checked with. */
export interface ProofTools {
  readonly sha256: Sha256;
  readonly verify: VerifyEd25519;
}

/** What an opened checkpoint says, and who signed it. */
export interface OpenedCheckpoint extends Checkpoint {
  readonly signatures: readonly VerifiedSignature[];
}

/** The result of checking a proof. */
export interface ProofCheck {
  readonly ok: boolean;
  /** What is wrong; empty when ok. */
  readonly faults: readonly string[];
  /** Position in the log, once the proof could be read. */
  readonly index?: number;
  /** The checkpoint it leads to, once that was opened. */
  readonly checkpoint?: OpenedCheckpoint;
}

/**
 * Opens a checkpoint: reads it and checks who signed it. The log itself must have, with a key whose name is the
 * checkpoint's origin.
 * @param keys verifier keys of the log, and of witnesses whose cosignatures should be told
 * @throws MalformedError when it is no checkpoint, or the log's signature is missing or not good
 */
export async function openCheckpoint(
  note: string,
  keys: readonly VerifierKey[],
  { verify }: Pick<ProofTools, 'verify'>,
): Promise<OpenedCheckpoint> {
  const parsed = parseNote(note);
  const checkpoint = parseCheckpoint(parsed.text);
  const signatures = await verifyNote(parsed, keys, verify);
  if (!signatures.some(({ key }) => key.type === SIGNER && key.name === checkpoint.origin)) {
    throw new MalformedError(
      `The checkpoint of ${checkpoint.origin} at size ${checkpoint.size} has no good signature of a key given for that log.`,
    );
  }
  return { ...checkpoint, signatures };
}

/**
 * Checks that a span's leaf is in the log of one of the keys. That the span's content has this hash is checked by
 * verifying the span; together they prove its content.
 * @param proof the text of a tlog-proof
 */
export async function checkSpanProof(
  span: LeafSource,
  proof: string,
  keys: readonly VerifierKey[],
  tools: ProofTools,
): Promise<ProofCheck> {
  let index: number | undefined;
  try {
    const parsed = parseTlogProof(proof);
    index = parsed.index;
    const checkpoint = await openCheckpoint(parsed.checkpoint, keys, tools);
    const leaf = leafHashOf(tools.sha256, span);
    const isIncluded = await verifyInclusion(tools.sha256, { leaf, ...parsed, ...checkpoint }, parsed.hashes);
    const faults = isIncluded
      ? []
      : [
          `inclusion: version ${span.seq} of span ${span.id} with curr_hash ${span.curr_hash} is not at position ${index} of the log of ${checkpoint.size} spans`,
        ];
    return { ok: isIncluded, faults, index, checkpoint };
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return { ok: false, faults: [error.message], ...(index === undefined ? {} : { index }) };
  }
}

/** The witnesses among those who signed a checkpoint. */
export function witnessesOf(checkpoint: OpenedCheckpoint): readonly VerifiedSignature[] {
  return checkpoint.signatures.filter(({ key }) => key.type === COSIGNER);
}
