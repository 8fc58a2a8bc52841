import { createHash } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { OperatorError, systemErrorCode } from '../../local/operator-error';
import { writePrivateFile } from '../../local/private-file';
import { generateSigningKey, hex, type SigningKey, signingKeyFromHex, toU8 } from '../../runtime/crypto';
import type { WitnessedState, WitnessStore } from '../../runtime/proofs/witness';
import { member, textMember } from '../ledger-api';

/**
 * A witness's key and latest cosigned checkpoints, as files of a folder that one process at a time uses. An unreadable
 * file is an error, never a new log.
 */
export class WitnessFolder implements WitnessStore {
  readonly #folder: string;
  /** Serialises reads and writes. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * The witness's key, created at the first start.
   * @throws OperatorError when its file is invalid
   */
  async key(): Promise<SigningKey> {
    await mkdir(path.join(this.#folder, 'logs'), { recursive: true, mode: 0o700 });
    const file = path.join(this.#folder, 'witness-key.json');
    const stored = await readJson(file);
    if (stored !== undefined) {
      const seed = textMember(stored, 'seed_hex') ?? '';
      if (/^[0-9a-f]{64}$/.test(seed)) return signingKeyFromHex(seed);
      throw new OperatorError(`${file} is broken; put it back from a backup`);
    }
    const key = generateSigningKey();
    const content = { seed_hex: key.secretKeyHex(), public_key_hex: key.publicKeyHex };
    await writePrivateFile(file, `${JSON.stringify(content)}\n`, 'create');
    return key;
  }

  /** The latest cosigned state of a log; undefined for a new one. */
  async read(origin: string): Promise<WitnessedState | undefined> {
    const file = this.#fileOf(origin);
    const stored = await readJson(file);
    if (stored === undefined) return undefined;
    const size = member(stored, 'size');
    const root = textMember(stored, 'root') ?? '';
    if (
      textMember(stored, 'origin') !== origin ||
      !Number.isSafeInteger(size) ||
      !/^[0-9a-f]{64}$/.test(root)
    ) {
      throw new OperatorError(`${file} is broken; put it back from a backup that is not older than it`);
    }
    return { size: Number(size), root: toU8(root) };
  }

  /** Stores a state if the stored size is still `before`; returns whether it did. */
  swap(origin: string, before: number, after: WitnessedState): Promise<boolean> {
    const swapped = this.#last.then(async () => {
      if (((await this.read(origin))?.size ?? 0) !== before) return false;
      const content = { origin, size: after.size, root: hex(after.root) };
      await writePrivateFile(this.#fileOf(origin), `${JSON.stringify(content)}\n`, 'replace');
      await syncFolder(path.join(this.#folder, 'logs'));
      return true;
    });
    this.#last = swapped.catch(() => undefined);
    return swapped;
  }

  /** Hashed, because an origin may contain characters that file names cannot. */
  #fileOf(origin: string): string {
    return path.join(this.#folder, 'logs', `${createHash('sha256').update(origin).digest('hex')}.json`);
  }
}

/** Fsyncs the folder, so that new file names are durable. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Reads a JSON file; undefined when it does not exist. */
async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) ?? {};
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw new OperatorError(`cannot read ${file}; put it back from a backup`, { cause: error });
  }
}
