import { isYounger } from '../base/age';
import { ConfigurationError } from '../base/errors';
import { normalizeTimestamp } from '../json/timestamp';
import { KeyRing } from '../ledger/keys/key-ring';
import type { Logger } from '../log/logger';
import type { SecretReader } from './secret-reader';

/**
 * Age at which a warm function reads its keys again. A rotation announces the next key in the secret (`next_seed_hex`) and
 * waits longer than this before that key signs. Each read is a paid call of Secrets Manager and of KMS.
 */
export const KEYS_REMEMBERED_MS = 300_000;

/**
 * The instance keys as Secrets Manager holds them, read again by warm functions at the start of an event:
 *
 * - `seed_hex` signs;
 * - `next_seed_hex` is trusted already and will sign after the current rotation;
 * - `next_since` is when it was announced;
 * - `previous_seeds_hex`, separated by commas and newest first, are earlier keys, whose signatures stay trusted;
 * - `revoked_keys`, separated by commas, each a public key or `key@timestamp`, are not trusted any more.
 */
export class RotatingKeys {
  readonly #reader: SecretReader;
  readonly #arn: string;
  #ring: KeyRing;
  #readAtMs = Date.now();

  private constructor(reader: SecretReader, arn: string, ring: KeyRing) {
    this.#reader = reader;
    this.#arn = arn;
    this.#ring = ring;
  }

  /** @throws ConfigurationError, or what the SDK throws when the secret cannot be read. */
  static async open(reader: SecretReader, arn: string): Promise<RotatingKeys> {
    return new RotatingKeys(reader, arn, await readKeyRing(reader, arn));
  }

  /** The current ring; the same object as long as nothing changes. */
  ring(): KeyRing {
    return this.#ring;
  }

  /** Reads the secret again if it was read long ago. When that fails, the previous keys stay in use. */
  async refresh(logger: Logger, maxAgeMs: number = KEYS_REMEMBERED_MS): Promise<void> {
    if (isYounger(this.#readAtMs, maxAgeMs)) return;
    // Set before the call, so that not every event waits while the service is down.
    this.#readAtMs = Date.now();
    try {
      const ring = await readKeyRing(this.#reader, this.#arn);
      if (namesOf(ring) !== namesOf(this.#ring)) this.#ring = ring;
    } catch (error) {
      logger.error({ err: error }, 'the signing key could not be read again');
    }
  }
}

async function readKeyRing(secrets: SecretReader, arn: string): Promise<KeyRing> {
  const secret = await secrets.readObject(arn);
  if (secret.seed_hex === undefined) throw new ConfigurationError(`The secret ${arn} holds no seed_hex.`);
  const revoked = listOf(secret.revoked_keys).map((entry) => {
    const [publicKeyHex = '', from] = entry.split('@');
    // An invalid timestamp must not keep functions from starting: the key is revoked without it.
    return { publicKeyHex, from: from === undefined ? undefined : normalizeTimestamp(from) };
  });
  try {
    return KeyRing.fromSeeds([secret.seed_hex, ...listOf(secret.previous_seeds_hex)], {
      nextSeed: secret.next_seed_hex || undefined,
      revoked,
    });
  } catch {
    // The error may say how long a seed is; no more of it than this belongs into a log.
    throw new ConfigurationError(
      `The secret ${arn} holds a seed that is not 64 hexadecimal digits, or a signing key that is revoked.`,
    );
  }
}

function listOf(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function namesOf({ current, cursorKeys, revoked }: KeyRing): string {
  return JSON.stringify([current, cursorKeys, revoked]);
}
