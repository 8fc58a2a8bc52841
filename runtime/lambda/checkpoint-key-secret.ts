import { randomBytes } from 'node:crypto';
import { ConfigurationError } from '../base/errors';
import { signingKeyFromHex } from '../crypto';
import type { CheckpointKeys } from '../proofs/checkpoint-keys';

/** How long a key that was rotated out still signs together with the new one, so that verifiers can learn the new one. */
const SIGNS_ALONG_MS = 30 * 86_400_000;

/**
 * The keys that sign checkpoints, from the members of their secret: `seed_hex` signs; `previous_seeds`, separated by
 * commas and newest first, are `seed@until`, each of which also signs until then.
 * @throws ConfigurationError when the secret is something else; the message holds none of it
 */
export function checkpointKeysOf(
  secret: Readonly<Record<string, string>>,
  now: Date = new Date(),
): CheckpointKeys {
  try {
    const along = previousOf(secret)
      .filter(([, until]) => until > now.toISOString())
      .map(([seed]) => signingKeyFromHex(seed));
    return { current: signingKeyFromHex(secret.seed_hex ?? ''), along };
  } catch {
    throw new ConfigurationError(
      'The secret of the checkpoint keys holds a seed that is not 64 hexadecimal digits.',
    );
  }
}

/** The secret after a rotation: a new key signs, together with the previous one for 30 days. */
export function rotatedCheckpointKey(
  secret: Readonly<Record<string, string>>,
  now: Date = new Date(),
): Readonly<Record<string, string>> {
  const until = new Date(now.getTime() + SIGNS_ALONG_MS).toISOString();
  const previous = [[secret.seed_hex, until], ...previousOf(secret)];
  return {
    ...secret,
    seed_hex: randomBytes(32).toString('hex'),
    previous_seeds: previous.map((entry) => entry.join('@')).join(','),
  };
}

function previousOf({
  previous_seeds,
}: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return (previous_seeds ?? '')
    .split(',')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [seed = '', until = ''] = entry.split('@');
      return [seed, until] as const;
    });
}
