import { readFileSync, statSync } from 'node:fs';
import { generateSigningKey, type SigningKey, signingKeyFromHex } from '../runtime/crypto';
import type { CheckpointKeys } from '../runtime/proofs/checkpoint-keys';
import { OperatorError, systemErrorCode } from './operator-error';
import { writePrivateFile } from './private-file';

/** For this long a key that was rotated out signs beside the new one, so that verifiers have time to learn that. */
const SIGNS_ALONG_DAYS = 30;
/** A changed file counts after this at the latest. */
const NOTICE_MS = 100;
const FORMAT = 1;

/** A key as `checkpoint-keys.json` has it. */
interface Entry {
  readonly key: SigningKey;
  /** When it stops to sign; undefined of the current one. */
  readonly signsUntil: string | undefined;
}

/**
 * The keys that sign checkpoints, in a file of their own beside `keys.json`: they are rotated apart, and whoever is given
 * one kind of key need not be given the other. Made at the first start; follows the file while a ledger runs.
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
   * Makes the file unless it is there.
   * @throws OperatorError when it is broken or cannot be written
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
   * The keys of this moment.
   * @throws OperatorError when the file is missing or broken
   */
  keys(): CheckpointKeys {
    this.#look();
    const [current, ...earlier] = this.#entries;
    if (current === undefined) throw this.#broken();
    const now = new Date().toISOString();
    const along = earlier.filter(({ signsUntil }) => signsUntil !== undefined && signsUntil > now);
    return { current: current.key, along: along.map(({ key }) => key) };
  }

  /** Signs with a new key from now on; the one of before signs along for 30 days. */
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

/** Throws whatever a text throws that is no such file. */
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
