import { createHash } from 'node:crypto';
import { access, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { writePrivateFile } from './private-file';

const DONE = 'complete';
const MAX_NAME_LENGTH = 150;

/** A checkpoint of each day and tenant, as files: `<folder>/<date>/<tenant>.checkpoint`, the name percent-encoded. */
export class KeptCheckpoints {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Whether a day was finished. */
  async isDone(date: string): Promise<boolean> {
    return access(path.join(this.#folder, date, DONE)).then(
      () => true,
      () => false,
    );
  }

  async keep(date: string, tenant: string, note: string): Promise<void> {
    await mkdir(path.join(this.#folder, date), { recursive: true, mode: 0o700 });
    await writePrivateFile(path.join(this.#folder, date, fileOf(tenant)), note, 'replace');
  }

  async finish(date: string): Promise<void> {
    await mkdir(path.join(this.#folder, date), { recursive: true, mode: 0o700 });
    await writePrivateFile(path.join(this.#folder, date, DONE), '', 'replace');
  }
}

/** Short enough for every file system: a long name is cut, and told apart by what follows. */
function fileOf(tenant: string): string {
  const name = encodeURIComponent(tenant).replaceAll('*', '%2A').replace(/^\./, '%2E');
  if (name.length <= MAX_NAME_LENGTH) return `${name}.checkpoint`;
  const tail = createHash('sha256').update(tenant).digest('hex').slice(0, 32);
  return `${name.slice(0, MAX_NAME_LENGTH)}-${tail}.checkpoint`;
}
