import { createHash, timingSafeEqual } from 'node:crypto';
import { isYounger } from '../base/age';
import type { SecretReader, SecretStage } from './secret-reader';

/** Header that proves that a call came through the distribution. */
export const EDGE_HEADER = 'x-logline-edge';

/** Shortest interval between two reads of the secret, so that guessing the value incurs no costs. */
const LOOK_AGAIN_MS = 30_000;

/**
 * Checks the secret header that the distribution in front of the API adds to each call. During a rotation both values are
 * accepted, since the secret changes some minutes before all edge locations do.
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
    if (isYounger(this.#lookedAtMs, LOOK_AGAIN_MS)) return false;
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

/** A digest, since the constant-time comparison needs equal lengths. */
function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
