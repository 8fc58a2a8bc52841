import { readFileSync, statSync } from 'node:fs';
import type { KeyRing } from '../runtime/ledger/keys/key-ring';
import type { DataDirectory } from './data-directory';
import { type LocalKeys, parseKeyFile } from './key-file';
import { brokenKeys } from './keys';
import { oneLine } from './operator-error';

/** Milliseconds until a changed `keys.json` is noticed, at most. */
export const NOTICE_MS = 50;

/** Options of {@link LiveKeys}. */
export interface LiveKeysOptions {
  readonly data: DataDirectory;
  readonly keys: LocalKeys;
  /** Called with a new ring. */
  readonly onChange: (ring: KeyRing) => void;
  /** Called once for each unusable file; the previous ring stays in use. */
  readonly onTrouble: (message: string) => void;
}

/**
 * The instance keys of a running ledger, read again when `keys.json` changes, so that a rotation needs no restart. A stat
 * takes some microseconds and is portable, unlike a file watcher, so it is done on access.
 */
export class LiveKeys {
  readonly #options: LiveKeysOptions;
  #ring: KeyRing;
  /** Inode and times, by which a replaced file is noticed. */
  #version: string;
  #lookedAtMs: number;
  #hasTrouble = false;

  constructor(options: LiveKeysOptions) {
    this.#options = options;
    this.#ring = options.keys.ring;
    this.#version = '';
    this.#lookedAtMs = Number.NEGATIVE_INFINITY;
  }

  /** The current ring; the same object as long as nothing changes. */
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
      // Set before reading, so that an unusable file is reported once.
      this.#version = version;
      const { ring } = parseKeyFile(
        readFileSync(data.keys, 'utf8'),
        (what) => brokenKeys(data, what),
        // Passwords are not used here.
        () => '',
      );
      this.#hasTrouble = false;
      if (isSame(ring, this.#ring)) return;
      this.#ring = ring;
      onChange(ring);
    } catch (error) {
      if (!this.#hasTrouble) onTrouble(`${oneLine(error)}; keeping the previous keys`);
      this.#hasTrouble = true;
    }
  }
}

function isSame(one: KeyRing, other: KeyRing): boolean {
  const words = ({ current, cursorKeys, revoked }: KeyRing): string =>
    JSON.stringify([current, cursorKeys, revoked]);
  return words(one) === words(other);
}
