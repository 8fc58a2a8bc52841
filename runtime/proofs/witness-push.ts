import { ConfigurationError, MalformedError } from '../base/errors';
import { ed25519 } from '../crypto';
import { sha256 } from '../crypto/sha256';
import type { Database } from '../db/pool';
import type { Logger } from '../log/logger';
import { LogReader, type SignedCheckpoint } from './log-reader';
import { parseNote, signatureLine, verifyNote } from './signed-note';
import { COSIGNER, parseVerifierKey, type VerifierKey } from './verifier-key';
import { addCheckpointText } from './witness';

/** A witness that is asked for cosignatures. */
export interface RemoteWitness {
  readonly key: VerifierKey;
  /** Submission prefix, without a slash at its end. */
  readonly url: string;
}

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
}

const MAX_ANSWER_BYTES = 64 * 1024;
const TIMEOUT_MS = 5_000;
/** A witness that has another size than was thought is asked once more. */
const ATTEMPTS = 2;

/**
 * Reads witnesses from lines `witness <name> <verifier key> <url>` (https://c2sp.org/tlog-policy); empty lines and those
 * that begin with # are passed over.
 * @throws ConfigurationError for any other line
 */
export function parseWitnesses(text: string): readonly RemoteWitness[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#')).map(parseWitness);
}

/** Asks witnesses to cosign the newest checkpoints of some logs, outside of sealing. */
export class WitnessPush {
  readonly #options: WitnessPushOptions;
  /** Size that a witness cosigned last, by witness and tenant. */
  readonly #sizes = new Map<string, number>();
  #isStopped = false;

  constructor(options: WitnessPushOptions) {
    this.#options = options;
  }

  /** Asks nobody else; who is being asked answers within 5 s. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Pushes every checkpoint that is newer than what a witness cosigned. Call it once a minute at most. */
  async push(): Promise<number> {
    const { tenants, witnesses, database, logger } = this.#options;
    let cosigned = 0;
    for (const tenant of tenants) {
      const reader = new LogReader(database, tenant);
      const checkpoint = await reader.checkpoint().catch(() => undefined);
      if (checkpoint === undefined) continue;
      for (const witness of witnesses) {
        if (this.#isStopped) return cosigned;
        const name = JSON.stringify([witness.url, tenant]);
        if (this.#sizes.get(name) === checkpoint.size) continue;
        try {
          await this.#ask(witness, reader, checkpoint, this.#sizes.get(name) ?? 0);
          this.#sizes.set(name, checkpoint.size);
          cosigned += 1;
        } catch (error) {
          logger.warn({ err: error, tenant, witness: witness.key.name }, 'a witness did not cosign');
        }
      }
    }
    return cosigned;
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

  /** Only what the witness's own key signed is kept. */
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

function parseWitness(line: string): RemoteWitness {
  const [word, name, vkey = '', url = '', ...rest] = line.split(/\s+/);
  try {
    const key = parseVerifierKey(sha256, vkey);
    const isRight = word === 'witness' && name !== undefined && rest.length === 0 && key.type === COSIGNER;
    if (isRight && URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) {
      return { key, url: url.replace(/\/+$/, '') };
    }
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
  }
  throw new ConfigurationError(
    `LOGLINE_WITNESSES has lines such as "witness w1 witness.example/w1+e0cd2864+BK… https://witness.example/", got "${line}".`,
  );
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
