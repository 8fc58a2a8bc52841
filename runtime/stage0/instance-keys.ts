import { NOBODY } from '../base/identity';
import type { Database } from '../db/pool';
import { runStatement } from '../db/query-as';
import { type InstanceKey, keyHistoryOf } from '../ledger/keys/key-history';
import { spanOfRow } from '../ledger/span-row';
import { readLogInstance } from '../proofs/log-instance';

/** A key of the instance, as `GET /api/keys` shows it. */
export interface PublishedKey {
  /** Hex. */
  readonly public_key: string;
  /** Since when it signs; null for one that the key history does not hold yet. */
  readonly since: string | null;
  /** Until when its signatures count; null for one that still signs. */
  readonly until: string | null;
  readonly revoked: boolean;
  /** `span`: it signs spans. `checkpoint`: it signs checkpoints of the log. */
  readonly purpose: 'span' | 'checkpoint';
}

/** What anybody may know of an instance. */
export interface PublishedKeys {
  /** Names the instance; the first part of every log's origin. */
  readonly origin: string;
  readonly keys: readonly PublishedKey[];
}

/** The keys that sign checkpoints, and the origin that is made of the first one. */
export interface CheckpointKeys {
  /** Oldest first. */
  published(): Promise<readonly PublishedKey[]>;
  /** The stored origin; undefined when there is none yet. */
  origin(): Promise<string | undefined>;
}

export interface InstanceKeysOptions {
  readonly database: Database;
  /** The key that signs spans now. */
  readonly publicKeyHex: () => string;
  /** `LOGLINE_ORIGIN`. Defaults to what `checkpoints` has stored, else `logline-` and 16 digits of the first key. */
  readonly origin?: string | undefined;
  /** Defaults to those that sealing has written down in the database. */
  readonly checkpoints?: CheckpointKeys | undefined;
}

/** Everybody may ask, so the history is read and verified once in this time at most. */
const REMEMBER_MS = 5_000;

/** The instance's keys, by which anybody can judge a signature. */
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
    if (known !== undefined && known.by === by && Date.now() - known.atMs < REMEMBER_MS) return known.keys;
    const keys = this.#read(by);
    this.#known = { keys, by, atMs: Date.now() };
    keys.catch(() => {
      if (this.#known?.keys === keys) this.#known = undefined;
    });
    return keys;
  }

  async #read(current: string): Promise<PublishedKeys> {
    const { database, origin } = this.#options;
    const checkpoints = this.#options.checkpoints ?? storedCheckpointKeys(database);
    const rows = await runStatement(database, NOBODY, 'key_history', ['instance_key']);
    const spanKeys = [...keyHistoryOf(rows.map(spanOfRow)).keys.values()].map(publishedKey);
    if (!spanKeys.some((key) => key.public_key === current)) spanKeys.push(unpublished(current));
    const checkpointKeys = await checkpoints.published();
    const [first] = [...checkpointKeys, ...spanKeys];
    return {
      origin:
        origin ?? (await checkpoints.origin()) ?? `logline-${first?.public_key.slice(0, ORIGIN_DIGITS)}`,
      keys: [...spanKeys, ...checkpointKeys],
    };
  }
}

const ORIGIN_DIGITS = 16;

function publishedKey(key: InstanceKey): PublishedKey {
  return {
    public_key: key.publicKeyHex,
    since: key.introducedAt,
    until: key.revokedFrom ?? key.retiredAt ?? null,
    revoked: key.status === 'revoked',
    purpose: 'span',
  };
}

function unpublished(publicKeyHex: string): PublishedKey {
  return { public_key: publicKeyHex, since: null, until: null, revoked: false, purpose: 'span' };
}

/** The keys that seal, as they are written down in the database. */
function storedCheckpointKeys(database: Database): CheckpointKeys {
  return {
    async published() {
      const { keys } = await readLogInstance(database);
      return keys.map(({ publicKeyHex, since, until }) => ({
        public_key: publicKeyHex,
        since,
        until,
        revoked: false,
        purpose: 'checkpoint',
      }));
    },
    origin: async () => (await readLogInstance(database)).origin,
  };
}
