import { MalformedError } from '../base/errors';
import { ed25519, type SigningKey, toU8 } from '../crypto';
import { sha256 } from '../crypto/sha256';
import { fromBase64, toBase64 } from './base64';
import { type Checkpoint, parseCheckpoint } from './checkpoint';
import { emptyRoot, HASH_BYTES, isSameBytes } from './merkle-hash';
import { verifyConsistency } from './merkle-proof';
import {
  cosignatureBytes,
  cosignedMessage,
  parseNote,
  type SignedNote,
  signatureLine,
  verifyNote,
} from './signed-note';
import { COSIGNER, SIGNER, type VerifierKey, verifierKey } from './verifier-key';

/** The state of a log that a witness cosigned last. */
export type WitnessedState = Pick<Checkpoint, 'size' | 'root'>;

/** A witness's store of the states that it cosigned. */
export interface WitnessStore {
  /** Undefined of a log that was never cosigned. */
  read(origin: string): Promise<WitnessedState | undefined>;
  /**
   * Replaces the state if it still has the size `before` (0 of a log that was never cosigned); on disk before this
   * returns.
   * @returns false when it has another size
   */
  swap(origin: string, before: number, after: WitnessedState): Promise<boolean>;
}

export interface WitnessOptions {
  /** Name of the witness's key. */
  readonly name: string;
  readonly key: SigningKey;
  /** Keys of the logs that are witnessed. */
  readonly logs: readonly VerifierKey[];
  readonly store: WitnessStore;
  /** Milliseconds since 1970. Defaults to the clock. */
  readonly now?: () => number;
}

/** An HTTP answer. */
export interface WitnessAnswer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422;
  readonly type: string;
  readonly body: string;
}

/** What `add-checkpoint` is sent. */
export interface AddCheckpoint {
  /** The size that the witness is thought to have cosigned last. */
  readonly old: number;
  /** Consistency proof from there. */
  readonly hashes: readonly Uint8Array[];
  /** A signed note. */
  readonly checkpoint: string;
}

/** A tree has at most 2^63 leaves. */
const MAX_HASHES = 63;
const SIZE_TYPE = 'text/x.tlog.size';
const TEXT_TYPE = 'text/plain; charset=utf-8';

/** The body of a request. */
export function addCheckpointText({ old, hashes, checkpoint }: AddCheckpoint): string {
  return `old ${old}\n${hashes.map((hash) => `${toBase64(hash)}\n`).join('')}\n${checkpoint}`;
}

/**
 * Reads the body of a request; its checkpoint is cut off, not read.
 * @throws MalformedError when it is none
 */
export function parseAddCheckpoint(text: string): AddCheckpoint {
  const split = text.indexOf('\n\n');
  const [first = '', ...lines] = text.slice(0, Math.max(0, split)).split('\n');
  const [, oldText] = /^old (0|[1-9]\d*)$/.exec(first) ?? [];
  const old = Number(oldText);
  const hashes = lines.map((line) => fromBase64(line));
  const isWhole = oldText !== undefined && Number.isSafeInteger(old) && lines.length <= MAX_HASHES;
  if (!isWhole || hashes.some((hash) => hash?.length !== HASH_BYTES)) {
    throw new MalformedError(
      `A request is a line such as "old 7", at most ${MAX_HASHES} hashes in base64, an empty line and a checkpoint.`,
    );
  }
  return { old, hashes: hashes.flatMap((hash) => hash ?? []), checkpoint: text.slice(split + 2) };
}

/**
 * Cosigns checkpoints that continue what it cosigned before (https://c2sp.org/tlog-witness version 1.0.0), so that a log
 * cannot show it one history and others another.
 */
export class Witness {
  readonly #options: WitnessOptions;
  readonly #verifierKey: VerifierKey;

  constructor(options: WitnessOptions) {
    this.#options = options;
    this.#verifierKey = verifierKey(sha256, options.name, COSIGNER, toU8(options.key.publicKeyHex));
  }

  /** What checkpoints that it cosigned are verified with. */
  get verifierKey(): VerifierKey {
    return this.#verifierKey;
  }

  /** Answers `add-checkpoint`. */
  async addCheckpoint(body: string): Promise<WitnessAnswer> {
    try {
      const request = parseAddCheckpoint(body);
      const note = parseNote(request.checkpoint);
      return await this.#judge(request, note, parseCheckpoint(note.text));
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      return refusal(400, error.message);
    }
  }

  async #judge(
    { old, hashes }: AddCheckpoint,
    note: SignedNote,
    checkpoint: Checkpoint,
  ): Promise<WitnessAnswer> {
    const { logs, store } = this.#options;
    const { origin, size, root } = checkpoint;
    const keys = logs.filter(({ name, type }) => name === origin && type === SIGNER);
    if (keys.length === 0) return refusal(404, `This witness does not know the log ${origin}.`);
    if ((await verifyNote(note, keys, ed25519.verify)).length === 0) {
      return refusal(403, `No key that is known of ${origin} signed this checkpoint.`);
    }
    if (old > size) return refusal(400, `The old size, ${old}, is beyond the checkpoint's, ${size}.`);
    const state = await store.read(origin);
    const known = state?.size ?? 0;
    if (old !== known) return conflict(known);
    const knownRoot = state?.root ?? emptyRoot(sha256);
    if (old === size && !isSameBytes(root, knownRoot)) return conflict(known);
    const claim = { from: old, fromRoot: knownRoot, to: size, toRoot: root };
    if (!verifyConsistency(sha256, claim, hashes)) {
      return refusal(422, `The proof does not lead from ${old} to ${size} spans.`);
    }
    // Another request may have updated the state after it was read.
    if (!(await store.swap(origin, known, { size, root }))) {
      return conflict((await store.read(origin))?.size ?? 0);
    }
    return { status: 200, type: TEXT_TYPE, body: this.#cosign(note.text) };
  }

  #cosign(text: string): string {
    const { key, name, now = Date.now } = this.#options;
    const seconds = Math.floor(now() / 1_000);
    const bytes = cosignatureBytes(seconds, key.sign(cosignedMessage(text, seconds)));
    return signatureLine({ name, keyId: this.#verifierKey.id, bytes });
  }
}

function refusal(status: 400 | 403 | 404 | 422, detail: string): WitnessAnswer {
  return { status, type: TEXT_TYPE, body: `${detail}\n` };
}

function conflict(size: number): WitnessAnswer {
  return { status: 409, type: SIZE_TYPE, body: `${size}\n` };
}
