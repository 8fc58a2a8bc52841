import { createHash, timingSafeEqual } from 'node:crypto';
import type { SecretReader, SecretStage } from './secret-reader';

/** Header by which a call shows that it came through the distribution. */
export const EDGE_HEADER = 'x-logline-edge';

/** Least time between two looks at the secret, so that guessing makes no bill. */
const LOOK_AGAIN_MS = 30_000;

/**
 * Knows the value that the distribution before the API puts on each call. While the value is changed both are good: the
 * secret changes some minutes before all places of the distribution do.
 */
export class EdgeGuard {
  readonly #reader: Pick<SecretReader, 'read'>;
  readonly #arn: string;
  #known: readonly Buffer[];
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  private constructor(reader: Pick<SecretReader, 'read'>, arn: string, known: readonly Buffer[]) {
    this.#reader = reader;
    this.#arn = arn;
    this.#known = known;
  }

  /** @throws what the SDK throws when the secret cannot be read */
  static async open(reader: Pick<SecretReader, 'read'>, arn: string): Promise<EdgeGuard> {
    return new EdgeGuard(reader, arn, await valuesOf(reader, arn, ['AWSCURRENT']));
  }

  /**
   * Whether a call with this header came through the distribution.
   * @throws what the SDK throws when the secret cannot be read
   */
  async admits(header: string | undefined): Promise<boolean> {
    if (header === undefined) return false;
    const given = digestOf(header);
    if (this.#knows(given)) return true;
    if (Date.now() - this.#lookedAtMs < LOOK_AGAIN_MS) return false;
    this.#lookedAtMs = Date.now();
    this.#known = await valuesOf(this.#reader, this.#arn, ['AWSCURRENT', 'AWSPREVIOUS']);
    return this.#knows(given);
  }

  #knows(given: Buffer): boolean {
    return this.#known.some((value) => timingSafeEqual(value, given));
  }
}

async function valuesOf(
  reader: Pick<SecretReader, 'read'>,
  arn: string,
  stages: readonly SecretStage[],
): Promise<readonly Buffer[]> {
  const texts = await Promise.all(stages.map((stage) => reader.read(arn, stage)));
  return texts.filter((text) => text !== undefined && text !== '').map((text) => digestOf(text ?? ''));
}

/** Of one length, as the comparison wants it. */
function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
