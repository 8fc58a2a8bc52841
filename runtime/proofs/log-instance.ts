import { ConfigurationError } from '../base/errors';
import { NOBODY } from '../base/identity';
import type { Database } from '../db/pool';
import { queryAs } from '../db/query-as';
import { namedInstance } from './checkpoint';
import { type CheckpointKeys, defaultInstance } from './checkpoint-keys';
import { isKeyName } from './verifier-key';

/**
 * The name that the origins of this ledger begin with: the one stored at the first sealing; before that the configured
 * one (`LOGLINE_ORIGIN`), else `logline-` and 16 hex digits of the first checkpoint key.
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
 * Stores the public keys that sign checkpoints, so that the API can return them.
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

/** The public part of a key that signs checkpoints. */
export interface PublishedCheckpointKey {
  readonly publicKeyHex: string;
  /** RFC 3339. */
  readonly since: string;
  /** When it stopped signing; null for a key that still signs. */
  readonly until: string | null;
}

/** The public names and keys of the logs. */
export interface LogInstance {
  /** What origins begin with now; undefined before anything was sealed. */
  readonly origin: string | undefined;
  /** What they began with before a restore, the latest first. */
  readonly earlierOrigins: readonly string[];
  /** Those that sign or signed checkpoints, oldest first. */
  readonly keys: readonly PublishedCheckpointKey[];
}

/** The names and keys of the logs. */
export async function readLogInstance(database: Database): Promise<LogInstance> {
  const { rows } = await queryAs<{ origin: string | null; log_names: string[]; keys: string | null }>(
    database,
    NOBODY,
    {
      name: 'log_instance',
      text: `SELECT (SELECT origin FROM app.log_instance) AS origin,
                    array(SELECT log_name FROM app.feed_epoch WHERE log_name IS NOT NULL ORDER BY number DESC) AS log_names,
                    (SELECT json_agg(json_build_object('publicKeyHex', public_key, 'since', since, 'until', until)
                                     ORDER BY since, public_key)::text FROM app.checkpoint_key) AS keys`,
      values: [],
    },
    'read',
  );
  const [row] = rows;
  // The text is made by the statement above.
  const keys = JSON.parse(row?.keys ?? '[]') as readonly PublishedCheckpointKey[];
  const time = (text: string): string => new Date(text).toISOString();
  const stored = row?.origin ?? undefined;
  const names = [...(row?.log_names ?? []), undefined];
  const [origin, ...earlierOrigins] =
    stored === undefined ? [] : names.map((name) => namedInstance(stored, name));
  return {
    origin,
    earlierOrigins,
    keys: keys.map((key) => ({
      ...key,
      since: time(key.since),
      until: key.until === null ? null : time(key.until),
    })),
  };
}
