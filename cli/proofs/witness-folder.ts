import { createHash } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { OperatorError, systemErrorCode } from '../../local/operator-error';
import { writePrivateFile } from '../../local/private-file';
import { generateSigningKey, hex, type SigningKey, signingKeyFromHex, toU8 } from '../../runtime/crypto';
import type { WitnessedState, WitnessStore } from '../../runtime/proofs/witness';
import { member, textMember } from '../ledger-api';

/**
 * A witness's key and what it cosigned, as files of a folder that one process at a time may use. A file that cannot be
 * understood is never taken for a log that is new.
 */
export class WitnessFolder implements WitnessStore {
  readonly #folder: string;
  /** Looks and writes come one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * The key, made at the first start.
   * @throws OperatorError when it is broken
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

  /** Origins hold what file names cannot. */
  #fileOf(origin: string): string {
    return path.join(this.#folder, 'logs', `${createHash('sha256').update(origin).digest('hex')}.json`);
  }
}

/** Puts the names of files on disk; what is in them is there already. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Undefined when there is no such file. */
async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) ?? {};
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw new OperatorError(`cannot read ${file}; put it back from a backup`, { cause: error });
  }
}
