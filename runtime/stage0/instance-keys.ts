import { isYounger } from '../base/age';
import { NOBODY } from '../base/identity';
import type { Database } from '../db/pool';
import { runStatement } from '../db/query-as';
import { type InstanceKey, keyHistoryOf, validityOf } from '../ledger/keys/key-history';
import { spanOfRow } from '../ledger/span-row';
import { type LogInstance, readLogInstance } from '../proofs/log-instance';

/** A key of the instance, as `GET /api/keys` returns it. */
export interface PublishedKey {
  /** Hex. */
  readonly public_key: string;
  /** When it began to sign; null for a key that is not in the key history yet. */
  readonly since: string | null;
  /** When its validity ended; null for a key that still signs. */
  readonly until: string | null;
  readonly revoked: boolean;
  /** `span`: it signs spans. `checkpoint`: it signs checkpoints of the log. */
  readonly purpose: 'span' | 'checkpoint';
}

/** The public keys and names of an instance. */
export interface PublishedKeys {
  /** Name of the instance; the first part of every log's origin. */
  readonly origin: string;
  /** Earlier names, before restores, the latest first: older checkpoints have them. Absent when there are none. */
  readonly earlier_origins?: readonly string[];
  readonly keys: readonly PublishedKey[];
}

/** How the logs are signed: what their names begin with, undefined when nothing is sealed yet, and the keys, oldest first. */
export type CheckpointSigning = Pick<LogInstance, 'origin' | 'earlierOrigins'> & {
  readonly keys: readonly PublishedKey[];
};

export interface InstanceKeysOptions {
  readonly database: Database;
  /** The key that signs spans now. */
  readonly publicKeyHex: () => string;
  /** `LOGLINE_ORIGIN`, which counts until sealing has stored it. Defaults to `logline-` and 16 digits of the first key. */
  readonly origin?: string | undefined;
  /** Defaults to those that sealing has written down in the database. */
  readonly checkpoints?: (() => Promise<CheckpointSigning>) | undefined;
}

/** The history is cached for this long, since anybody may ask for it. */
const REMEMBER_MS = 5_000;

/** The instance's keys, for verifying signatures. */
export class InstanceKeys {
  readonly #options: InstanceKeysOptions;
  #known: { readonly keys: Promise<PublishedKeys>; readonly by: string; readonly atMs: number } | undefined;

  constructor(options: InstanceKeysOptions) {
    this.#options = options;
  }

  /** @throws UnavailableError when the database does not answer. */
  published(): Promise<PublishedKeys> {
    const by = this.#options.publicKeyHex();
    const known = this.#known;
    if (known !== undefined && known.by === by && isYounger(known.atMs, REMEMBER_MS)) return known.keys;
    const keys = this.#read(by);
    this.#known = { keys, by, atMs: Date.now() };
    keys.catch(() => {
      if (this.#known?.keys === keys) this.#known = undefined;
    });
    return keys;
  }

  async #read(current: string): Promise<PublishedKeys> {
    const { database, origin } = this.#options;
    const checkpoints = this.#options.checkpoints ?? (() => storedSigning(database));
    const rows = await runStatement(database, NOBODY, 'key_history', ['instance_key']);
    const spanKeys = [...keyHistoryOf(rows.map(spanOfRow)).keys.values()].map(publishedKey);
    if (!spanKeys.some((key) => key.public_key === current)) spanKeys.push(unpublished(current));
    const signing = await checkpoints();
    const [first] = [...signing.keys, ...spanKeys];
    return {
      origin: signing.origin ?? origin ?? `logline-${first?.public_key.slice(0, ORIGIN_DIGITS)}`,
      ...(signing.earlierOrigins.length === 0 ? {} : { earlier_origins: signing.earlierOrigins }),
      keys: [...spanKeys, ...signing.keys],
    };
  }
}

const ORIGIN_DIGITS = 16;

function publishedKey(key: InstanceKey): PublishedKey {
  return { public_key: key.publicKeyHex, ...validityOf(key), purpose: 'span' };
}

function unpublished(publicKeyHex: string): PublishedKey {
  return { public_key: publicKeyHex, since: null, until: null, revoked: false, purpose: 'span' };
}

/** What sealing has written down in the database. */
async function storedSigning(database: Database): Promise<CheckpointSigning> {
  const { keys, ...names } = await readLogInstance(database);
  const published = keys.map(({ publicKeyHex, since, until }) => {
    return { public_key: publicKeyHex, since, until, revoked: false, purpose: 'checkpoint' } as const;
  });
  return { ...names, keys: published };
}
