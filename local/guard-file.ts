import { readFileSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { type GuardRecord, type GuardStore, guardText, parseGuard } from '../runtime/proofs/rollback-guard';
import { OperatorError, systemErrorCode } from './operator-error';

/**
 * The rollback guard as a file beside the data folder, so that restoring an older copy of the folder does not restore the
 * guard. Only the process that holds the database's sealing lock writes it.
 */
export class GuardFile implements GuardStore {
  readonly path: string;

  constructor(file: string) {
    this.path = file;
  }

  /** @throws OperatorError when the file exists and is invalid */
  async read(): Promise<GuardRecord | undefined> {
    let text: string;
    try {
      // Some 200 bytes, twice a batch: the thread pool would take longer than the read.
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return undefined;
      throw new OperatorError(`cannot read the rollback guard ${this.path}`, { cause: error });
    }
    const record = parseGuard(text);
    if (record === undefined) {
      throw new OperatorError(
        `${this.path} is no rollback guard; put it back from where it was kept, or run npx logline restore`,
      );
    }
    return record;
  }

  /** Writes a record if the stored one is still `before`; returns whether it did. */
  async swap(before: GuardRecord | undefined, after: GuardRecord): Promise<boolean> {
    const present = await this.read();
    if (textOf(present) !== textOf(before)) return false;
    await this.#write(after);
    return true;
  }

  /** Writes atomically and durably: fsyncs the file, renames it, fsyncs the folder. */
  async #write(record: GuardRecord): Promise<void> {
    const draft = `${this.path}.${process.pid}.draft`;
    try {
      const file = await open(draft, 'w', 0o600);
      try {
        await file.writeFile(`${textOf(record)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, this.path);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
    if (process.platform === 'win32') return;
    const folder = await open(path.dirname(this.path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

/** `LOGLINE_GUARD`, else `<data folder>.guard` beside the folder. */
export function guardPath(dataFolder: string, env: NodeJS.ProcessEnv = process.env): string {
  return env.LOGLINE_GUARD ? path.resolve(env.LOGLINE_GUARD) : `${dataFolder}.guard`;
}

function textOf(record: GuardRecord | undefined): string {
  return record === undefined ? '' : guardText(record);
}
