import { readFileSync, statSync } from 'node:fs';
import type { KeyRing } from '../runtime/ledger/keys/key-ring';
import type { DataDirectory } from './data-directory';
import { type LocalKeys, parseKeyFile } from './key-file';
import { brokenKeys } from './keys';
import { oneLine } from './operator-error';

/** A changed `keys.json` counts after this at the latest. */
export const NOTICE_MS = 50;

export interface LiveKeysOptions {
  readonly data: DataDirectory;
  readonly keys: LocalKeys;
  /** Told of a new ring. */
  readonly onChange: (ring: KeyRing) => void;
  /** Told, once at a time, of a file that cannot be used; the ring of before goes on. */
  readonly onTrouble: (message: string) => void;
}

/**
 * The instance keys of a running ledger, which follow `keys.json`: a rotation counts from the next request on,
 * without a restart. Looking at the file costs some microseconds, so it is done when the keys are asked for, and
 * needs no watcher, which file systems implement in too many ways.
 */
export class LiveKeys {
  readonly #options: LiveKeysOptions;
  #ring: KeyRing;
  /** Tells one file from the next: replacing a file gives it another inode. */
  #version: string;
  #lookedAtMs: number;
  #hasTrouble = false;

  constructor(options: LiveKeysOptions) {
    this.#options = options;
    this.#ring = options.keys.ring;
    this.#version = '';
    this.#lookedAtMs = Number.NEGATIVE_INFINITY;
  }

  /** The ring of this moment; the same object as long as nothing changes. */
  ring(): KeyRing {
    const nowMs = performance.now();
    if (nowMs - this.#lookedAtMs >= NOTICE_MS) {
      this.#lookedAtMs = nowMs;
      this.#look();
    }
    return this.#ring;
  }

  #look(): void {
    const { data, onChange, onTrouble } = this.#options;
    try {
      const { ino, size, mtimeNs } = statSync(data.keys, { bigint: true });
      const version = `${ino}/${size}/${mtimeNs}`;
      if (version === this.#version) return;
      // Before the file is read: one that cannot be used is reported once and not read again.
      this.#version = version;
      const { ring } = parseKeyFile(
        readFileSync(data.keys, 'utf8'),
        (what) => brokenKeys(data, what),
        // The ring alone is of interest here.
        () => '',
      );
      this.#hasTrouble = false;
      if (isSame(ring, this.#ring)) return;
      this.#ring = ring;
      onChange(ring);
    } catch (error) {
      if (!this.#hasTrouble) onTrouble(`${oneLine(error)}; going on with the keys of before`);
      this.#hasTrouble = true;
    }
  }
}

function isSame(one: KeyRing, other: KeyRing): boolean {
  const words = ({ current, cursorKeys, revoked }: KeyRing): string =>
    JSON.stringify([current, cursorKeys, revoked]);
  return words(one) === words(other);
}
