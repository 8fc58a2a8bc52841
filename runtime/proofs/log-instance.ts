import { ConfigurationError } from '../base/errors';
import type { Database } from '../db/pool';
import { type CheckpointKeys, defaultInstance } from './checkpoint-keys';
import { isKeyName } from './verifier-key';

/**
 * What the origins of this ledger begin with: what was stored at the first sealing; before that what the configuration
 * says (`LOGLINE_ORIGIN`), else `logline-` and 16 hex digits of the first checkpoint key.
 * @param database as role `logline_sealer`
 * @throws ConfigurationError when the configuration says another one than is stored, or one that no key can be named by
 */
export async function storedInstance(
  database: Database,
  configured: string | undefined,
  keys: CheckpointKeys,
): Promise<string> {
  if (configured !== undefined && (!isKeyName(configured) || configured.length > 200)) {
    throw new ConfigurationError(
      `LOGLINE_ORIGIN must be a name such as ledger.example.com, without white space and plus signs, got "${configured}".`,
    );
  }
  await database.pool.query('INSERT INTO app.log_instance (origin) VALUES ($1) ON CONFLICT DO NOTHING', [
    configured ?? defaultInstance(keys),
  ]);
  const { rows } = await database.pool.query('SELECT origin FROM app.log_instance');
  const stored = String(rows[0]?.origin);
  if (configured !== undefined && configured !== stored) {
    throw new ConfigurationError(
      `LOGLINE_ORIGIN is ${configured}, but this ledger's logs are named ${stored}/…, and a log never changes its name: set it to ${stored}, or leave it out.`,
    );
  }
  return stored;
}

/**
 * Writes down the public halves of the keys that sign checkpoints, so that whoever asks can be told of them.
 * @param database as role `logline_sealer`
 */
export async function publishCheckpointKeys(database: Database, keys: CheckpointKeys): Promise<void> {
  const active = [keys.current, ...keys.along].map(({ publicKeyHex }) => publicKeyHex);
  await database.pool.query(
    `WITH present AS (
       INSERT INTO app.checkpoint_key (public_key) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING
     )
     UPDATE app.checkpoint_key SET until = now() WHERE until IS NULL AND public_key <> ALL ($1::text[])`,
    [active],
  );
}
