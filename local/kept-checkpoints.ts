import { access, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { checkpointFile } from '../runtime/proofs/keep-checkpoints';
import { writePrivateFile } from './private-file';

const DONE = 'complete';

/** Keeps a checkpoint for each day and tenant as `<folder>/<date>/<tenant>.checkpoint`, the tenant percent-encoded. */
export class KeptCheckpoints {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Whether all checkpoints of a day are kept. */
  async isDone(date: string): Promise<boolean> {
    return access(path.join(this.#folder, date, DONE)).then(
      () => true,
      () => false,
    );
  }

  /** Writes one checkpoint of a day. */
  async keep(date: string, tenant: string, note: string): Promise<void> {
    await mkdir(path.join(this.#folder, date), { recursive: true, mode: 0o700 });
    await writePrivateFile(path.join(this.#folder, date, checkpointFile(tenant)), note, 'replace');
  }

  /** Marks a day as complete. */
  async finish(date: string): Promise<void> {
    await mkdir(path.join(this.#folder, date), { recursive: true, mode: 0o700 });
    await writePrivateFile(path.join(this.#folder, date, DONE), '', 'replace');
  }
}
