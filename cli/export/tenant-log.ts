import { rename, rm } from 'node:fs/promises';
import type { SignedSpan } from '../../runtime/base/span';
import { verifierKeyText } from '../../runtime/proofs/verifier-key';
import type { LedgerApi } from '../ledger-api';
import { keepingLog, LogFolder, logFolderOf } from '../proofs/log-folder';
import { RemoteLog } from '../proofs/remote-log';
import { publishedVerifierKeys } from '../proofs/verifier-keys';
import type { ExportedLog } from './digest';

/** Options of {@link TenantLog}. */
export interface TenantLogOptions {
  /** File of the export; the log is written beside it. */
  readonly file: string;
  readonly tenant: string;
  /** Returns a client with a valid token of the tenant. */
  readonly client: () => Promise<LedgerApi>;
  readonly onProgress: (positions: number) => void;
}

/** Exports a tenant's log, by which `verify --file` shows that no span is missing. */
export class TenantLog {
  readonly #options: TenantLogOptions;
  readonly #log: RemoteLog;
  readonly #folder: LogFolder;
  readonly #vkeys: string;
  #faults = 0;

  private constructor(options: TenantLogOptions, keys: Awaited<ReturnType<typeof publishedVerifierKeys>>) {
    const { file, tenant, client, onProgress } = options;
    this.#options = options;
    this.#folder = new LogFolder(partFolderOf(file));
    this.#vkeys = `${keys.map(verifierKeyText).join('\n')}\n`;
    const served = {
      requestBytes: async (...request: Parameters<LedgerApi['requestBytes']>) =>
        (await client()).requestBytes(...request),
    };
    this.#log = new RemoteLog({
      client: keepingLog(served, this.#folder),
      tenant,
      keys,
      onFault: () => {
        this.#faults += 1;
      },
      onProgress,
    });
  }

  /** Starts over after an interruption, because the log may have grown. */
  static async open(options: TenantLogOptions): Promise<TenantLog> {
    await removePart(options.file);
    const keys = await publishedVerifierKeys(await options.client(), options.tenant);
    return new TenantLog(options, keys);
  }

  /** Number of faults, which `verify --file` names one by one. */
  get faults(): number {
    return this.#faults;
  }

  /** Current size of the log; 0 when there is none. */
  size(): Promise<number> {
    return this.#log.size();
  }

  /** Records spans that the log must contain. */
  async add(spans: readonly SignedSpan[]): Promise<void> {
    for (const span of spans) await this.#log.add(span);
  }

  /** Saves the log once it contains every recorded span; null when there is none. */
  async finish(sizeBefore: number): Promise<ExportedLog | null> {
    const { origin, size } = await this.#log.finish();
    const folder = logFolderOf(this.#options.file);
    await rm(folder, { recursive: true, force: true });
    if (origin === null) {
      await removePart(this.#options.file);
      return null;
    }
    await this.#folder.keep('vkeys', this.#vkeys);
    await rename(this.#folder.path, folder);
    return { origin, size, size_before: sizeBefore };
  }
}

/** Deletes the log of an incomplete export. */
export async function removePart(file: string): Promise<void> {
  await rm(partFolderOf(file), { recursive: true, force: true });
}

function partFolderOf(file: string): string {
  return `${logFolderOf(file)}.part`;
}
