import { readFileSync, statSync } from 'node:fs';
import { generateSigningKey, type SigningKey, signingKeyFromHex } from '../runtime/crypto';
import type { CheckpointKeys } from '../runtime/proofs/checkpoint-keys';
import { OperatorError, systemErrorCode } from './operator-error';
import { writePrivateFile } from './private-file';

/** Days that a rotated-out key keeps signing beside the new one, so that verifiers have time to learn the new key. */
const SIGNS_ALONG_DAYS = 30;
/** Milliseconds until a changed file is noticed, at most. */
const NOTICE_MS = 100;
const FORMAT = 1;

/** A key as `checkpoint-keys.json` has it. */
interface Entry {
  readonly key: SigningKey;
  /** Timestamp at which it stops signing; undefined for the current key. */
  readonly signsUntil: string | undefined;
}

/**
 * The keys that sign checkpoints, in a file beside `keys.json`, so that the two kinds can be rotated and shared
 * separately. Created at the first start; changes of the file are picked up while the ledger runs.
 */
export class CheckpointKeyFile {
  readonly path: string;
  #version = '';
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #entries: readonly Entry[] = [];

  constructor(file: string) {
    this.path = file;
  }

  /**
   * Creates the file if it is missing.
   * @throws OperatorError when it is invalid or cannot be written
   */
  async prepare(): Promise<void> {
    try {
      await writePrivateFile(
        this.path,
        textOf([{ key: generateSigningKey(), signsUntil: undefined }]),
        'create',
      );
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') {
        throw new OperatorError(`cannot write ${this.path}; give this user access to it`, { cause: error });
      }
    }
    this.keys();
  }

  /**
   * The current keys.
   * @throws OperatorError when the file is missing or invalid
   */
  keys(): CheckpointKeys {
    this.#look();
    const [current, ...earlier] = this.#entries;
    if (current === undefined) throw this.#broken();
    const now = new Date().toISOString();
    const along = earlier.filter(({ signsUntil }) => signsUntil !== undefined && signsUntil > now);
    return { current: current.key, along: along.map(({ key }) => key) };
  }

  /** Switches to a new key; the old one also signs for 30 days. */
  async rotate(): Promise<CheckpointKeys> {
    this.#look();
    const signsUntil = new Date(Date.now() + SIGNS_ALONG_DAYS * 86_400_000).toISOString();
    const [current, ...earlier] = this.#entries;
    if (current === undefined) throw this.#broken();
    const entries = [
      { key: generateSigningKey(), signsUntil: undefined },
      { key: current.key, signsUntil },
      ...earlier,
    ];
    await writePrivateFile(this.path, textOf(entries), 'replace');
    this.#lookedAtMs = Number.NEGATIVE_INFINITY;
    return this.keys();
  }

  #look(): void {
    const nowMs = performance.now();
    if (nowMs - this.#lookedAtMs < NOTICE_MS) return;
    this.#lookedAtMs = nowMs;
    try {
      const { ino, size, mtimeNs } = statSync(this.path, { bigint: true });
      const version = `${ino}/${size}/${mtimeNs}`;
      if (version === this.#version) return;
      this.#entries = parseEntries(readFileSync(this.path, 'utf8'));
      this.#version = version;
    } catch (error) {
      throw this.#broken(error);
    }
    if (this.#entries.length === 0) throw this.#broken();
  }

  #broken(cause?: unknown): OperatorError {
    return new OperatorError(
      `${this.path} is missing or broken; put it back from a backup, since checkpoints are signed with what is in it`,
      { cause },
    );
  }
}

function textOf(entries: readonly Entry[]): string {
  const keys = entries.map(({ key, signsUntil }) => ({
    seed_hex: key.secretKeyHex(),
    public_key_hex: key.publicKeyHex,
    ...(signsUntil === undefined ? {} : { signs_until: signsUntil }),
  }));
  return `${JSON.stringify({ format: FORMAT, checkpoint_keys: keys }, null, 2)}\n`;
}

/** Parses the file's text; throws for an invalid one. */
function parseEntries(text: string): readonly Entry[] {
  const file: unknown = JSON.parse(text);
  const isFile = typeof file === 'object' && file !== null && 'format' in file && 'checkpoint_keys' in file;
  if (!isFile || file.format !== FORMAT || !Array.isArray(file.checkpoint_keys))
    throw new TypeError('layout');
  return file.checkpoint_keys.map((entry: unknown): Entry => {
    if (typeof entry !== 'object' || entry === null || !('seed_hex' in entry)) throw new TypeError('entry');
    const key = signingKeyFromHex(String(entry.seed_hex));
    if (!('public_key_hex' in entry) || entry.public_key_hex !== key.publicKeyHex)
      throw new TypeError('public key');
    return { key, signsUntil: 'signs_until' in entry ? String(entry.signs_until) : undefined };
  });
}
