import { MalformedError } from '../base/errors';
import { ed25519 } from '../crypto';
import type { Database } from '../db/pool';
import type { Logger } from '../log/logger';
import { LogReader, type SignedCheckpoint } from './log-reader';
import type { RemoteWitness } from './remote-witness';
import { parseNote, signatureLine, verifyNote } from './signed-note';
import type { VerifierKey } from './verifier-key';
import { addCheckpointText } from './witness';

export interface WitnessPushOptions {
  /** As role `logline_sealer`. */
  readonly sealing: Database;
  /** As role `logline_app`. */
  readonly database: Database;
  readonly witnesses: readonly RemoteWitness[];
  /** Tenants whose logs are witnessed: a witness learns their names and sizes. */
  readonly tenants: readonly string[];
  readonly logger: Logger;
  /** Defaults to fetch. */
  readonly post?: typeof fetch;
  /** Milliseconds of the epoch. Defaults to the clock. */
  readonly now?: () => number;
}

const MAX_ANSWER_BYTES = 64 * 1024;
const TIMEOUT_MS = 5_000;
/** Attempts per witness: one retry with the size that the witness reports. */
const ATTEMPTS = 2;
/** Upper bound of asking one witness, with a margin. */
export const ASKING_MS = ATTEMPTS * TIMEOUT_MS + 1_000;

/** Asks witnesses to cosign the newest checkpoints of some logs, outside of sealing. */
export class WitnessPush {
  readonly #options: WitnessPushOptions;
  /** Size that a witness cosigned last, by witness and tenant. */
  readonly #sizes = new Map<string, number>();
  /** The next pair of tenant and witness, so that all get a turn when time is short. */
  #next = 0;
  #isStopped = false;

  constructor(options: WitnessPushOptions) {
    this.#options = options;
  }

  /** Stops asking; a request in flight ends within 5 s. */
  stop(): void {
    this.#isStopped = true;
  }

  /**
   * Pushes every checkpoint that is newer than what a witness cosigned. Call it once a minute at most.
   * @param untilMs when nobody else is asked, in milliseconds of the epoch; the next call begins there. Whoever is being asked
   *   then has {@link ASKING_MS} more. Defaults to never.
   */
  async push(untilMs = Number.POSITIVE_INFINITY): Promise<number> {
    const { tenants, witnesses, now = Date.now } = this.#options;
    const count = tenants.length * witnesses.length;
    let cosigned = 0;
    for (let asked = 0; asked < count && !this.#isStopped && now() < untilMs; asked += 1) {
      const next = this.#next % count;
      this.#next = next + 1;
      const tenant = tenants[Math.floor(next / witnesses.length)];
      const witness = witnesses[next % witnesses.length];
      if (tenant !== undefined && witness !== undefined && (await this.#pushTo(witness, tenant)))
        cosigned += 1;
    }
    return cosigned;
  }

  /** @returns whether the witness has cosigned something newer */
  async #pushTo(witness: RemoteWitness, tenant: string): Promise<boolean> {
    const { database, logger } = this.#options;
    const reader = new LogReader(database, tenant);
    const checkpoint = await reader.checkpoint().catch(() => undefined);
    const name = JSON.stringify([witness.url, tenant]);
    if (checkpoint === undefined || this.#sizes.get(name) === checkpoint.size) return false;
    try {
      await this.#ask(witness, reader, checkpoint, this.#sizes.get(name) ?? 0);
      this.#sizes.set(name, checkpoint.size);
      return true;
    } catch (error) {
      logger.warn({ err: error, tenant, witness: witness.key.name }, 'a witness did not cosign');
      return false;
    }
  }

  async #ask(
    { key, url }: RemoteWitness,
    reader: LogReader,
    checkpoint: SignedCheckpoint,
    known: number,
  ): Promise<void> {
    let old = known;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const hashes = await reader.consistency(old, checkpoint.size);
      const body = addCheckpointText({ old, hashes, checkpoint: checkpoint.note });
      const { post = fetch } = this.#options;
      const answer = await post(`${url}/add-checkpoint`, {
        method: 'POST',
        body,
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await textOf(answer);
      if (answer.status === 200) return this.#keep(key, checkpoint, text);
      const has = /^(0|[1-9]\d{0,15})\n$/.exec(text)?.[1];
      if (answer.status !== 409 || has === undefined || Number(has) === old) {
        throw new MalformedError(`The witness answered ${answer.status} ${text.slice(0, 200).trim()}`);
      }
      old = Number(has);
      if (old > checkpoint.size) {
        throw new MalformedError(`The witness has cosigned ${old} spans of a log of ${checkpoint.size}.`);
      }
    }
    throw new MalformedError('The witness was asked by somebody else meanwhile.');
  }

  /** Keeps only signatures of the witness's own key. */
  async #keep(key: VerifierKey, { logNo, size, note }: SignedCheckpoint, lines: string): Promise<void> {
    const parsed = parseNote(note);
    const { signatures } = parseNote(`${parsed.text}\n${lines}`);
    for (const signature of signatures) {
      const [good] = await verifyNote({ text: parsed.text, signatures: [signature] }, [key], ed25519.verify);
      if (good === undefined) continue;
      await this.#options.sealing.pool.query(
        'INSERT INTO ledger.checkpoint_line (log_no, size, line) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
        [logNo, size, signatureLine(signature).trimEnd()],
      );
      return;
    }
    throw new MalformedError(`The witness's answer holds no good cosignature of ${key.name}.`);
  }
}

async function textOf(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new MalformedError('The witness answers more than 64 KiB.');
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}
