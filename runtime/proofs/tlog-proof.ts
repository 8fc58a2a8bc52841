import { MalformedError } from '../base/errors';
import { fromBase64, toBase64 } from './base64';
import { HASH_BYTES } from './merkle-hash';

/** A proof that a leaf is in a log, with the checkpoint that it leads to (https://c2sp.org/tlog-proof). */
export interface TlogProof {
  /** Position of the leaf. */
  readonly index: number;
  /** Leaf to root. */
  readonly hashes: readonly Uint8Array[];
  /** A signed note. */
  readonly checkpoint: string;
}

const HEADER = 'c2sp.org/tlog-proof@v1';
/** A tree has at most 2^63 leaves. */
const MAX_HASHES = 63;

/** The text of a proof. */
export function tlogProofText({ index, hashes, checkpoint }: TlogProof): string {
  const lines = hashes.map((hash) => `${toBase64(hash)}\n`).join('');
  return `${HEADER}\nindex ${index}\n${lines}\n${checkpoint}`;
}

/**
 * Reads a proof. Its checkpoint is cut off, not read.
 * @throws MalformedError when it is none
 */
export function parseTlogProof(text: string): TlogProof {
  const split = text.indexOf('\n\n');
  const [header, ...lines] = text.slice(0, split).split('\n');
  if (split < 0 || header !== HEADER) {
    throw new MalformedError(
      `A proof begins with the line ${HEADER}, and a checkpoint follows an empty line.`,
    );
  }
  // Data for other verifiers; nothing in it is proven.
  if (lines[0]?.startsWith('extra ')) {
    if (fromBase64(lines[0].slice('extra '.length)) === undefined) {
      throw new MalformedError("A proof's extra line holds base64.");
    }
    lines.shift();
  }
  const [, indexText] = /^index (0|[1-9]\d*)$/.exec(lines.shift() ?? '') ?? [];
  const index = Number(indexText);
  if (indexText === undefined || !Number.isSafeInteger(index)) {
    throw new MalformedError('A proof says the position of its leaf in a line such as "index 7".');
  }
  if (lines.length > MAX_HASHES) throw new MalformedError(`A proof has at most ${MAX_HASHES} hashes.`);
  return { index, hashes: lines.map(parseHash), checkpoint: text.slice(split + 2) };
}

function parseHash(line: string): Uint8Array {
  const hash = fromBase64(line);
  if (hash?.length !== HASH_BYTES) throw new MalformedError('A hash of a proof is base64 of 32 bytes.');
  return hash;
}
