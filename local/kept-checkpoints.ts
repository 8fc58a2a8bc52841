import { access, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { checkpointFile } from '../runtime/proofs/keep-checkpoints';
import { writePrivateFile } from './private-file';

const DONE = 'complete';

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
    await writePrivateFile(path.join(this.#folder, date, checkpointFile(tenant)), note, 'replace');
  }

  async finish(date: string): Promise<void> {
    await mkdir(path.join(this.#folder, date), { recursive: true, mode: 0o700 });
    await writePrivateFile(path.join(this.#folder, date, DONE), '', 'replace');
  }
}
