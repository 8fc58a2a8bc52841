import { MalformedError } from '../../../runtime/base/errors';
import { fromBase64, toBase64 } from '../../../runtime/proofs/base64';
import { verifyConsistency as isConsistent } from '../../../runtime/proofs/merkle-proof';
import { portableSha256 } from '../../../runtime/proofs/portable-sha256';
import {
  checkSpanProof,
  type OpenedCheckpoint,
  openCheckpoint as open,
} from '../../../runtime/proofs/span-proof';
import { tlogProofText } from '../../../runtime/proofs/tlog-proof';
import { COSIGNER, parseVerifierKey, type VerifierKey } from '../../../runtime/proofs/verifier-key';
import { verifyEd25519 } from '../verify/web-ed25519';

/** A checkpoint of a tenant's log, and its signers. */
export interface Checkpoint {
  readonly origin: string;
  /** Spans in the log. */
  readonly size: number;
  /** Base64 of 32 bytes. */
  readonly root: string;
  /** Witnesses with a valid cosignature, with its time in seconds since 1970. */
  readonly witnesses: readonly { readonly name: string; readonly time: number }[];
}

/** Result of checking a proof. */
export interface ProofVerdict {
  readonly ok: boolean;
  /** What is wrong; empty when ok. */
  readonly faults: readonly string[];
  /** Position of the span in the log, once the proof could be read. */
  readonly index?: number;
  /** The proof's checkpoint, once it could be read. */
  readonly checkpoint?: Checkpoint;
}

/** The JSON answer of `GET /api/spans/{id}/proof`. */
export interface JsonProof {
  readonly index: number;
  /** Base64, leaf to root. */
  readonly hashes: readonly string[];
  /** A signed note. */
  readonly checkpoint: string;
}

/** Key of a version, and hash of its content. */
export interface ProvenSpan {
  readonly id: string;
  readonly seq: number;
  readonly curr_hash: string;
}

const tools = { sha256: portableSha256, verify: verifyEd25519 };

/**
 * Checks, offline, that the log of one of the keys contains a span. `verifySpan` checks that the span has the hash that
 * it claims.
 * @param proof a tlog-proof (https://c2sp.org/tlog-proof), or its JSON form
 * @param vkeys verifier keys (https://c2sp.org/signed-note) of the log, and of witnesses to report
 */
export async function verifySpanProof(
  span: ProvenSpan,
  proof: string | JsonProof,
  vkeys: readonly string[],
): Promise<ProofVerdict> {
  const text = typeof proof === 'string' ? proof : textOf(proof);
  return orFaults(async () => {
    const { checkpoint, ...check } = await checkSpanProof(span, text, keysOf(vkeys), tools);
    return checkpoint === undefined ? check : { ...check, checkpoint: shown(checkpoint) };
  });
}

/**
 * Reads a checkpoint and checks that the log signed it.
 * @throws Error when it is no checkpoint, or no given key is the log's
 */
export async function openCheckpoint(note: string, vkeys: readonly string[]): Promise<Checkpoint> {
  return shown(await open(note, keysOf(vkeys), tools));
}

/**
 * Checks that a later checkpoint only added to an earlier one of the same log.
 * @param hashes base64, from `GET /api/log/{tenant}/consistency`
 */
export async function verifyConsistency(
  earlier: string,
  later: string,
  hashes: readonly string[],
  vkeys: readonly string[],
): Promise<ProofVerdict> {
  return orFaults(async () => {
    const keys = keysOf(vkeys);
    const [from, to] = [await open(earlier, keys, tools), await open(later, keys, tools)];
    const claim = { from: from.size, fromRoot: from.root, to: to.size, toRoot: to.root };
    const path = hashes.map((hash) => fromBase64(hash) ?? new Uint8Array());
    const ok = from.origin === to.origin && isConsistent(portableSha256, claim, path);
    const fault = `consistency: ${to.origin} at ${to.size} does not begin with ${from.origin} at ${from.size}`;
    return { ok, faults: ok ? [] : [fault], checkpoint: shown(to) };
  });
}

async function orFaults(check: () => Promise<ProofVerdict>): Promise<ProofVerdict> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof MalformedError) return { ok: false, faults: [error.message] };
    throw error;
  }
}

function keysOf(vkeys: readonly string[]): readonly VerifierKey[] {
  return vkeys.map((text) => parseVerifierKey(portableSha256, text));
}

function textOf({ index, hashes, checkpoint }: JsonProof): string {
  return tlogProofText({
    index,
    hashes: hashes.map((hash) => fromBase64(hash) ?? new Uint8Array()),
    checkpoint,
  });
}

function shown({ origin, size, root, signatures }: OpenedCheckpoint): Checkpoint {
  const witnesses = signatures.flatMap(({ key, time }) =>
    key.type === COSIGNER && time !== undefined ? [{ name: key.name, time }] : [],
  );
  return { origin, size, root: toBase64(root), witnesses };
}
