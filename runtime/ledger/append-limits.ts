import { isYounger } from '../base/age';
import { QuotaExceededError } from '../base/errors';
import { type Identity, NOBODY, SYSTEM } from '../base/identity';
import type { Database } from '../db/pool';
import { queryAs } from '../db/query-as';
import { KERNEL_MANIFEST_ID } from '../kernels/stable-ids';
import { type ManifestSettings, parseManifest } from './manifest';
import { readLatest } from './span-reader';

/** The append limits among the manifest's settings. */
type AppendThrottle = Pick<ManifestSettings, 'perTenantSpansPerSecond' | 'perTenantBytesPerDay'>;

/** Dependencies of {@link AppendLimits}. */
export interface AppendLimitsOptions {
  readonly database: Database;
  /** Public keys of the instance, one of which must have signed the manifest. */
  readonly trusted: () => ReadonlySet<string>;
  /** Defaults to the system clock. */
  readonly nowMs?: () => number;
}

/** What a tenant has appended. */
interface Usage {
  /** The tenant's last writer, under whose identity the bytes are counted. */
  identity: Identity;
  /** Spans that may be appended now; negative after a batch larger than the bucket. */
  tokens: number;
  tokensAtMs: number;
  /** UTC day that the byte counts belong to. */
  day: string;
  /** Bytes counted in the database, over all processes. */
  counted: number;
  /** Bytes of this process not yet counted in the database. */
  uncounted: number;
}

/** A change of the manifest takes effect within this time. */
const CACHE_MS = 5_000;
/** Interval of counting. A process that ends loses at most this much; others see a count after at most twice this. */
const COUNT_EVERY_MS = 1_000;
const MAX_TENANTS = 10_000;
const DAY_MS = 86_400_000;

/**
 * Adds to a tenant's bytes of a day and returns the sum over all processes. Commits asynchronously: a crash of
 * PostgreSQL loses less than a second of counts. The day that has just begun elsewhere stays; one further ahead comes from a
 * clock that was set back, and goes.
 */
const COUNT_BYTES = {
  name: 'count_appended_bytes',
  text: `WITH relaxed AS (SELECT set_config('synchronous_commit', 'off', true))
    INSERT INTO app.append_usage AS u (tenant_id, day, bytes) SELECT $1, $2::date, $3::bigint FROM relaxed
    ON CONFLICT (tenant_id) DO UPDATE SET day = EXCLUDED.day,
      bytes = EXCLUDED.bytes + CASE WHEN u.day = EXCLUDED.day THEN u.bytes ELSE 0 END
    WHERE u.day <= EXCLUDED.day OR u.day > EXCLUDED.day + 1
    RETURNING u.bytes`,
} as const;

/**
 * Enforces the manifest's append limits per tenant: spans a second, by a token bucket in this process, and bytes a UTC
 * day, summed over all processes in the database in the background. The system tenant has no limit, so that it can
 * always change the manifest.
 */
export class AppendLimits {
  readonly #options: AppendLimitsOptions;
  readonly #nowMs: () => number;
  readonly #usages = new Map<string, Usage>();
  #throttle: AppendThrottle | undefined;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  #counting: NodeJS.Timeout | undefined;

  constructor(options: AppendLimitsOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? Date.now;
  }

  /**
   * Takes tokens for a number of spans. A batch passes whole if one token is left; the bucket then goes negative.
   * @throws QuotaExceededError while the bucket is empty
   */
  async takeSpans(identity: Identity, spans: number): Promise<void> {
    if (identity.tenant === SYSTEM.tenant) return;
    const { perTenantSpansPerSecond: rate, perTenantBytesPerDay } = await this.#current();
    if (rate === undefined && perTenantBytesPerDay === undefined) return;
    const usage = this.#usageOf(identity);
    if (perTenantBytesPerDay !== undefined) await this.#beginDay(usage);
    if (rate === undefined) return;
    const now = this.#nowMs();
    // The bucket holds the tokens of one second, and at least one.
    const most = Math.max(1, rate);
    // Never less than before when the clock was set back.
    const sinceMs = Math.max(0, now - usage.tokensAtMs);
    usage.tokens = Math.min(most, usage.tokens + (sinceMs / 1_000) * rate);
    usage.tokensAtMs = now;
    if (usage.tokens < 1) throw rateRefusal(identity.tenant, rate, (1 - usage.tokens) / rate);
    usage.tokens -= spans;
  }

  /**
   * Takes bytes from the tenant's day. Call it after {@link takeSpans}.
   * @returns a function that gives them back, for an append that failed
   * @throws QuotaExceededError when fewer are left today
   */
  takeBytes({ tenant }: Identity, bytes: number): () => void {
    const limit = this.#throttle?.perTenantBytesPerDay;
    const usage = this.#usages.get(tenant);
    if (limit === undefined || usage === undefined) return () => {};
    if (usage.counted + usage.uncounted + bytes > limit) throw this.#bytesRefusal(tenant, limit);
    const { day } = usage;
    usage.uncounted += bytes;
    this.#counting ??= setTimeout(() => void this.#count(), COUNT_EVERY_MS).unref();
    return () => {
      if (usage.day === day) usage.uncounted -= bytes;
    };
  }

  /** The manifest's limits: awaited the first time, then refreshed in the background. */
  async #current(): Promise<AppendThrottle> {
    if (!isYounger(this.#readAtMs, CACHE_MS, this.#nowMs())) this.#reading ??= this.#read();
    if (this.#throttle === undefined) await this.#reading;
    return this.#throttle ?? NO_LIMITS;
  }

  async #read(): Promise<void> {
    try {
      const { database, trusted } = this.#options;
      this.#throttle = parseManifest(await readLatest(database, NOBODY, KERNEL_MANIFEST_ID), trusted());
    } catch {
      // Keep the limits read last; a broken manifest is reported where kernels boot, and must not stop appends.
      this.#throttle ??= NO_LIMITS;
    }
    this.#readAtMs = this.#nowMs();
    this.#reading = undefined;
  }

  #usageOf(identity: Identity): Usage {
    const known = this.#usages.get(identity.tenant);
    if (known !== undefined) return Object.assign(known, { identity });
    if (this.#usages.size >= MAX_TENANTS) this.#forgetSettled();
    const usage: Usage = {
      identity,
      tokens: Number.POSITIVE_INFINITY,
      tokensAtMs: this.#nowMs(),
      day: '',
      counted: 0,
      uncounted: 0,
    };
    this.#usages.set(identity.tenant, usage);
    return usage;
  }

  /** Forgets tenants whose usage equals that of a new one. */
  #forgetSettled(): void {
    for (const [tenant, { tokens, uncounted }] of this.#usages) {
      if (tokens >= 1 && uncounted === 0) this.#usages.delete(tenant);
    }
  }

  async #beginDay(usage: Usage): Promise<void> {
    const day = new Date(this.#nowMs()).toISOString().slice(0, 10);
    if (usage.day === day) return;
    const counted = (await this.#add(usage.identity, day, 0)) ?? 0;
    // Of several callers at once, the first begins the day.
    if (usage.day !== day) Object.assign(usage, { day, counted, uncounted: 0 });
  }

  async #count(): Promise<void> {
    for (const usage of this.#usages.values()) {
      const { identity, day, uncounted } = usage;
      if (uncounted === 0) continue;
      try {
        const counted = await this.#add(identity, day, uncounted);
        if (usage.day !== day) continue;
        usage.counted = counted ?? usage.counted + uncounted;
        usage.uncounted -= uncounted;
      } catch {
        // Counted by the next round.
      }
    }
    const isLeft = [...this.#usages.values()].some(({ uncounted }) => uncounted !== 0);
    this.#counting = isLeft ? setTimeout(() => void this.#count(), COUNT_EVERY_MS).unref() : undefined;
  }

  /** The sum over all processes; undefined while the database counts the next day already. */
  async #add(identity: Identity, day: string, bytes: number): Promise<number | undefined> {
    const statement = { ...COUNT_BYTES, values: [identity.tenant, day, bytes] };
    const { rows } = await queryAs<{ bytes: string }>(this.#options.database, identity, statement);
    return rows[0] === undefined ? undefined : Number(rows[0].bytes);
  }

  #bytesRefusal(tenant: string, limit: number): QuotaExceededError {
    const now = this.#nowMs();
    return new QuotaExceededError(
      `Tenant ${tenant} may append ${limit} bytes of spans a day, and this request exceeds that; the quota resets at 00:00 UTC.`,
      {
        retryAfterSeconds: Math.max(1, Math.ceil((DAY_MS - (now % DAY_MS)) / 1_000)),
        rateLimit: { policy: 'bytes appended a day', quota: limit, windowSeconds: DAY_MS / 1_000 },
      },
    );
  }
}

const NO_LIMITS: AppendThrottle = { perTenantSpansPerSecond: undefined, perTenantBytesPerDay: undefined };

function rateRefusal(tenant: string, rate: number, seconds: number): QuotaExceededError {
  const retryAfterSeconds = Math.max(1, Math.ceil(seconds));
  return new QuotaExceededError(
    `Tenant ${tenant} may append ${rate} spans a second and has exceeded that; retry in ${retryAfterSeconds} s.`,
    {
      retryAfterSeconds,
      // The header takes whole numbers, so a rate below one a second is given as one in several seconds.
      rateLimit: {
        policy: 'spans appended',
        quota: Math.max(1, Math.floor(rate)),
        windowSeconds: rate >= 1 ? 1 : Math.ceil(1 / rate),
      },
    },
  );
}
