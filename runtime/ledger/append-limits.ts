import { QuotaExceededError } from '../base/errors';
import { type Identity, NOBODY, SYSTEM } from '../base/identity';
import type { Database } from '../db/pool';
import { queryAs } from '../db/query-as';
import { KERNEL_MANIFEST_ID } from '../kernels/stable-ids';
import { type ManifestSettings, parseManifest } from './manifest';
import { readLatest } from './span-reader';

/** The part of the manifest's `throttle` that says what a tenant may append. */
type AppendThrottle = Pick<ManifestSettings, 'perTenantSpansPerSecond' | 'perTenantBytesPerDay'>;

export interface AppendLimitsOptions {
  readonly database: Database;
  /** Public keys of the instance, which sign the manifest. */
  readonly trusted: () => ReadonlySet<string>;
  /** Defaults to the system clock. */
  readonly nowMs?: () => number;
}

/** What a tenant has appended. */
interface Usage {
  /** Who last wrote for the tenant, and so may count for it. */
  identity: Identity;
  /** Spans that may be appended now; below zero while a large batch is being paid off. */
  tokens: number;
  tokensAtMs: number;
  /** UTC day of the bytes. */
  day: string;
  /** Bytes that the database has counted, over all processes. */
  counted: number;
  /** Bytes that this process has not told the database. */
  uncounted: number;
}

/** A change of the manifest counts after this at the latest. */
const REMEMBER_MS = 5_000;
/** An ended process forgets at most what it appended in this time; other processes hear of it after twice this. */
const COUNT_EVERY_MS = 1_000;
const MAX_TENANTS = 10_000;
const DAY_MS = 86_400_000;

/**
 * Adds to a tenant's bytes of a day, and says how many all processes have added. It does not wait for the disk: what a
 * crash of PostgreSQL forgets is less than a second.
 */
const COUNT_BYTES = {
  name: 'count_appended_bytes',
  text: `WITH relaxed AS (SELECT set_config('synchronous_commit', 'off', true))
    INSERT INTO app.append_usage AS u (tenant_id, day, bytes) SELECT $1, $2::date, $3::bigint FROM relaxed
    ON CONFLICT (tenant_id) DO UPDATE SET day = EXCLUDED.day,
      bytes = EXCLUDED.bytes + CASE WHEN u.day = EXCLUDED.day THEN u.bytes ELSE 0 END
    WHERE u.day <= EXCLUDED.day
    RETURNING u.bytes`,
} as const;

/**
 * What each tenant may append, as the kernel manifest says: spans a second, as a token bucket of this process (RFC 2697
 * calls such a meter a bucket of tokens), and bytes a UTC day, counted by the database for all processes beside the
 * appends. The system's tenant has no limit: it must be able to change the manifest.
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
   * Takes so many spans from the tenant's rate.
   * @throws QuotaExceededError while the tenant is ahead of its rate. A batch passes whole, and is paid off after it.
   */
  async takeSpans(identity: Identity, spans: number): Promise<void> {
    if (identity.tenant === SYSTEM.tenant) return;
    const { perTenantSpansPerSecond: rate, perTenantBytesPerDay } = await this.#current();
    if (rate === undefined && perTenantBytesPerDay === undefined) return;
    const usage = this.#usageOf(identity);
    if (perTenantBytesPerDay !== undefined) await this.#beginDay(usage);
    if (rate === undefined) return;
    const now = this.#nowMs();
    // One second's worth may be saved up, but always one span.
    const most = Math.max(1, rate);
    usage.tokens = Math.min(most, usage.tokens + ((now - usage.tokensAtMs) / 1_000) * rate);
    usage.tokensAtMs = now;
    if (usage.tokens < 1) throw rateRefusal(identity.tenant, rate, (1 - usage.tokens) / rate);
    usage.tokens -= spans;
  }

  /**
   * Takes so many bytes from the tenant's day. To be called after {@link takeSpans}.
   * @returns gives them back: they were not appended after all.
   * @throws QuotaExceededError when the day has fewer left.
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

  /** What the manifest says: read once, then again beside the appends. */
  async #current(): Promise<AppendThrottle> {
    if (this.#nowMs() - this.#readAtMs >= REMEMBER_MS) this.#reading ??= this.#read();
    if (this.#throttle === undefined) await this.#reading;
    return this.#throttle ?? NO_LIMITS;
  }

  async #read(): Promise<void> {
    try {
      const { database, trusted } = this.#options;
      this.#throttle = parseManifest(await readLatest(database, NOBODY, KERNEL_MANIFEST_ID), trusted());
    } catch {
      // What was read last holds. Whoever boots kernels says what is wrong with the manifest; appends go on as before.
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

  /** Those who owe nothing begin as if they were new. */
  #forgetSettled(): void {
    for (const [tenant, { tokens, uncounted }] of this.#usages) {
      if (tokens >= 1 && uncounted === 0) this.#usages.delete(tenant);
    }
  }

  async #beginDay(usage: Usage): Promise<void> {
    const day = new Date(this.#nowMs()).toISOString().slice(0, 10);
    if (usage.day === day) return;
    const counted = await this.#add(usage.identity, day, 0);
    // Of several callers at once, the first begins the day.
    if (usage.day !== day) Object.assign(usage, { day, counted, uncounted: 0 });
  }

  async #count(): Promise<void> {
    for (const usage of this.#usages.values()) {
      const { identity, day, uncounted } = usage;
      if (uncounted === 0) continue;
      const counted = await this.#add(identity, day, uncounted).catch(() => undefined);
      if (counted === undefined || usage.day !== day) continue;
      usage.counted = counted;
      usage.uncounted -= uncounted;
    }
    const isLeft = [...this.#usages.values()].some(({ uncounted }) => uncounted !== 0);
    this.#counting = isLeft ? setTimeout(() => void this.#count(), COUNT_EVERY_MS).unref() : undefined;
  }

  async #add(identity: Identity, day: string, bytes: number): Promise<number> {
    const statement = { ...COUNT_BYTES, values: [identity.tenant, day, bytes] };
    const { rows } = await queryAs<{ bytes: string }>(this.#options.database, identity, statement);
    return Number(rows[0]?.bytes ?? 0);
  }

  #bytesRefusal(tenant: string, limit: number): QuotaExceededError {
    const now = this.#nowMs();
    return new QuotaExceededError(
      `Tenant ${tenant} may append ${limit} bytes of spans a day, and this request passes that; the quota starts anew at 00:00 UTC.`,
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
    `Tenant ${tenant} may append ${rate} spans a second and is ahead of that; go on in ${retryAfterSeconds} s.`,
    {
      retryAfterSeconds,
      // Less than one a second is said as one in so many seconds: the header takes whole numbers.
      rateLimit: {
        policy: 'spans appended',
        quota: Math.max(1, Math.floor(rate)),
        windowSeconds: rate >= 1 ? 1 : Math.ceil(1 / rate),
      },
    },
  );
}
