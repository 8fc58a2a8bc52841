import { hex, type SigningKey, toU8, utf8 } from '../crypto';
import { sha256 } from '../crypto/sha256';
import { type Checkpoint, checkpointText } from './checkpoint';
import { type NoteSignature, signatureLine } from './signed-note';
import { SIGNER, type VerifierKey, verifierKey } from './verifier-key';

/**
 * The keys that sign checkpoints, and nothing else. They are separate from the keys that sign spans, so that either can be
 * rotated on its own.
 */
export interface CheckpointKeys {
  readonly current: SigningKey;
  /** Keys that were rotated out and still sign together with the current one for a while, newest first. */
  readonly along: readonly SigningKey[];
}

/** The verifier key of a checkpoint key for one log. */
export function verifierKeyOf(publicKeyHex: string, origin: string): VerifierKey {
  return verifierKey(sha256, origin, SIGNER, toU8(publicKeyHex));
}

/** The signature of a checkpoint by one key. */
export function signCheckpoint(checkpoint: Checkpoint, key: SigningKey): NoteSignature {
  return {
    name: checkpoint.origin,
    keyId: verifierKeyOf(key.publicKeyHex, checkpoint.origin).id,
    bytes: key.sign(utf8(checkpointText(checkpoint))),
  };
}

/** The signature lines of the previous keys that still sign. */
export function linesAlong(checkpoint: Checkpoint, keys: CheckpointKeys): readonly string[] {
  return keys.along.map((key) => signatureLine(signCheckpoint(checkpoint, key)).trimEnd());
}

/** The default name that origins begin with. */
export function defaultInstance(keys: CheckpointKeys): string {
  const first = keys.along.at(-1) ?? keys.current;
  return `logline-${first.publicKeyHex.slice(0, 16)}`;
}

/**
 * Secret salt for the ids of spans that keep checkpoints in the ledger. Derived from the key, so that nobody else can
 * compute and take such an id, or write spans that sealing mistakes for them.
 */
export function checkpointSpanSeed(origin: string, size: number, keys: CheckpointKeys): string {
  const secret = toU8((keys.along.at(-1) ?? keys.current).secretKeyHex());
  return hex(sha256(utf8(`logline/checkpoint-span/v1\n${origin}\n${size}\n`), secret));
}
