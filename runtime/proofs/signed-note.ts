import { MalformedError } from '../base/errors';
import { fromBase64, toBase64 } from './base64';
import { isSameBytes } from './merkle-hash';
import { COSIGNER, isKeyName, type VerifierKey } from './verifier-key';

/** A text with signatures under it, as https://c2sp.org/signed-note has it. */
export interface SignedNote {
  /** What is signed; ends with a newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

export interface NoteSignature {
  readonly name: string;
  /** Four bytes that identify the key of that name. */
  readonly keyId: Uint8Array;
  /** The bytes after the key id. */
  readonly bytes: Uint8Array;
}

/** Whether an Ed25519 signature of a message is good. */
export type VerifyEd25519 = (
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
) => boolean | Promise<boolean>;

/** A valid signature. */
export interface VerifiedSignature {
  readonly key: VerifierKey;
  /** When a witness cosigned, in seconds since 1970; undefined for a plain signature. */
  readonly time: number | undefined;
}

/** Longest note that is read, in UTF-16 code units, and most signatures: more is no checkpoint. */
const MAX_NOTE_LENGTH = 64 * 1024;
const MAX_SIGNATURES = 100;

const SIGNATURE_BYTES = 64;
const TIME_BYTES = 8;
const encoder = new TextEncoder();

/** The line that carries a signature, with its newline. */
export function signatureLine({ name, keyId, bytes }: NoteSignature): string {
  return `— ${name} ${toBase64(Uint8Array.of(...keyId, ...bytes))}\n`;
}

/** The text of a note: what is signed, an empty line, the signature lines. */
export function noteText({ text, signatures }: SignedNote): string {
  return `${text}\n${signatures.map(signatureLine).join('')}`;
}

/**
 * Reads a note. Signatures are split, not checked.
 * @throws MalformedError when it is none, or larger than any checkpoint
 */
export function parseNote(note: string): SignedNote {
  const split = note.lastIndexOf('\n\n');
  if (note.length > MAX_NOTE_LENGTH || !note.isWellFormed() || split <= 0 || !note.endsWith('\n')) {
    throw new MalformedError(
      'A signed note is a text, an empty line and signature lines, in at most 64 KiB.',
    );
  }
  const text = note.slice(0, split + 1);
  if ([...text].some((character) => character < ' ' && character !== '\n')) {
    throw new MalformedError('A signed note has no control characters.');
  }
  const lines = note.slice(split + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) {
    throw new MalformedError(`A signed note has at most ${MAX_SIGNATURES} signatures.`);
  }
  return { text, signatures: lines.map(parseSignatureLine) };
}

/**
 * The keys, out of those given, that signed a note.
 * @returns one entry for each key with a valid signature; an invalid signature of a known key counts as missing
 */
export async function verifyNote(
  note: SignedNote,
  keys: readonly VerifierKey[],
  verify: VerifyEd25519,
): Promise<readonly VerifiedSignature[]> {
  const found: VerifiedSignature[] = [];
  for (const key of keys) {
    for (const signature of note.signatures) {
      if (signature.name !== key.name || !isSameBytes(signature.keyId, key.id)) continue;
      const verified = await verifySignature(note.text, signature, key, verify);
      if (verified === undefined) continue;
      found.push(verified);
      break;
    }
  }
  return found;
}

/** What a witness signs (tlog-cosignature): a header, the time in seconds, and the note's text. */
export function cosignedMessage(text: string, timeSeconds: number): Uint8Array {
  return encoder.encode(`cosignature/v1\ntime ${timeSeconds}\n${text}`);
}

/** What stands behind the key id of a cosignature: the time in eight bytes, big-endian, and the signature. */
export function cosignatureBytes(timeSeconds: number, signature: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(TIME_BYTES + SIGNATURE_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(timeSeconds));
  bytes.set(signature, TIME_BYTES);
  return bytes;
}

async function verifySignature(
  text: string,
  { bytes }: NoteSignature,
  key: VerifierKey,
  verify: VerifyEd25519,
): Promise<VerifiedSignature | undefined> {
  const isCosignature = key.type === COSIGNER;
  if (bytes.length !== SIGNATURE_BYTES + (isCosignature ? TIME_BYTES : 0)) return undefined;
  const time = isCosignature ? timeOf(bytes) : undefined;
  const message = time === undefined ? encoder.encode(text) : cosignedMessage(text, time);
  const isGood = await verify(bytes.slice(-SIGNATURE_BYTES), message, key.publicKey);
  return isGood ? { key, time } : undefined;
}

function timeOf(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0));
}

function parseSignatureLine(line: string): NoteSignature {
  const [, name = '', base64 = ''] = /^— ([^ ]+) ([A-Za-z0-9+/=]+)$/u.exec(line) ?? [];
  const bytes = fromBase64(base64);
  if (!isKeyName(name) || bytes === undefined || bytes.length < 5) {
    throw new MalformedError('A signature line is an em dash, a name and base64, with one space between.');
  }
  return { name, keyId: bytes.slice(0, 4), bytes: bytes.slice(4) };
}
