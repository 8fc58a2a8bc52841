import type { JsonValue } from '../../base/span';
import type { MidnightEvent } from '../../ledger/kernel-event-schema';
import type { KernelContext, KernelOutcome } from '../kernel-context';
import { MIDNIGHT_RULER_ID } from '../stable-ids';
import { timestampMs } from './midnight-law';
import { parisDate, parisMidnight } from './paris-time';

/** Subjects of one run of the ruler. */
const BATCH = 100;
/** Owners whose batches run concurrently. */
const CONCURRENCY = 4;
/** Owners of one query. */
const OWNERS = 200;
/** No further batch starts when less than this is left of the run. */
const RESERVE_MS = 8_000;

/** Runs a function of the ledger under the identity of a context. */
export type RunFunction = (
  ctx: KernelContext,
  functionId: string,
  input: JsonValue,
) => Promise<KernelOutcome>;

interface Night {
  readonly scheduledFor: string;
  readonly localDate: string;
}

interface Owner {
  readonly tenant_id: string;
  readonly owner_id: string;
}

interface Counts {
  looked: number;
  accepted: number;
  under_review: number;
  terminated: number;
  broken: number;
  skipped: number;
  failed: number;
}

/**
 * One midnight round over all tenants: passes each owner's open subjects to the midnight ruler, which runs under that
 * owner's identity. A queue of ids records the last night of each subject, so an interrupted round continues where it
 * stopped. Missed nights are not made up for one by one: the round of the latest one covers them, so that a hold always
 * lasts a real day.
 *
 * Owners take turns of one batch each, in an order that differs between rounds.
 *
 * @param event `{"trigger": "midnight_ruler", "scheduled_for"?: <RFC 3339>}`; `scheduled_for` defaults to the latest
 *   midnight in Paris
 * @returns counts, and the local date
 * @throws Error when time runs out with subjects left, so that the scheduler retries
 */
export async function runMidnight(
  ctx: KernelContext,
  event: MidnightEvent,
  runFunction: RunFunction,
): Promise<JsonValue> {
  const night = nightOf(ctx, event);
  const counts: Counts = {
    looked: 0,
    accepted: 0,
    under_review: 0,
    terminated: 0,
    broken: 0,
    skipped: 0,
    failed: 0,
  };
  const round = new Round(ctx, night, runFunction, counts);
  const isOver = await round.run();
  await recordNight(ctx, night, counts, isOver);
  if (!isOver) throw new Error(`the night of ${night.localDate} is not over: time ran short, run it again`);
  return { local_date: night.localDate, scheduled_for: night.scheduledFor, ...counts };
}

function nightOf(ctx: KernelContext, { scheduled_for: asked }: MidnightEvent): Night {
  if (asked === undefined) {
    const localDate = parisDate(Date.parse(ctx.now()));
    return { scheduledFor: new Date(parisMidnight(localDate)).toISOString(), localDate };
  }
  const ms = timestampMs(asked);
  if (ms === null) throw new TypeError('scheduled_for must be an RFC 3339 timestamp');
  return { scheduledFor: new Date(ms).toISOString(), localDate: parisDate(ms) };
}

class Round {
  readonly #ctx: KernelContext;
  readonly #night: Night;
  readonly #runFunction: RunFunction;
  readonly #counts: Counts;
  /** Subjects that are left to another round. */
  readonly #left: string[] = [];
  /** Owners that failed; skipped for the rest of this round. */
  readonly #givenUp: Owner[] = [];

  constructor(ctx: KernelContext, night: Night, runFunction: RunFunction, counts: Counts) {
    this.#ctx = ctx;
    this.#night = night;
    this.#runFunction = runFunction;
    this.#counts = counts;
  }

  /** @returns false when time ran out with owners left */
  async run(): Promise<boolean> {
    for (;;) {
      const owners = await this.#owners();
      if (owners.length === 0) return true;
      const next = owners.values();
      const turns = Array.from({ length: CONCURRENCY }, async () => {
        for (const owner of next) {
          if (!this.#hasTime()) return;
          await this.#turn(owner, Math.max(1, Math.floor(CONCURRENCY / owners.length)));
        }
      });
      await Promise.all(turns);
      if (!this.#hasTime()) return (await this.#owners()).length === 0;
    }
  }

  #hasTime(): boolean {
    return this.#ctx.remainingMs() > RESERVE_MS;
  }

  async #owners(): Promise<readonly Owner[]> {
    const { rows } = await this.#ctx.workSql<Owner>`
      SELECT tenant_id, owner_id FROM app.ruling_owners(
        ${this.#night.localDate}::date, ${this.#left}::uuid[],
        ${this.#givenUp.map(({ tenant_id }) => tenant_id)}::text[],
        ${this.#givenUp.map(({ owner_id }) => owner_id)}::text[], ${OWNERS}::int)`;
    return rows;
  }

  /** One batch of one owner, or several concurrently when owners are few. A failure ends this owner's turns only. */
  async #turn(owner: Owner, batches: number): Promise<void> {
    try {
      const ids = await this.#subjects(owner, batches * BATCH);
      const parts = Array.from({ length: batches }, (_, index) =>
        ids.slice(index * BATCH, (index + 1) * BATCH),
      );
      await Promise.all(parts.filter((part) => part.length > 0).map((part) => this.#rule(owner, part)));
    } catch (error) {
      this.#counts.failed += 1;
      this.#giveUp(owner, error instanceof Error ? error.message : String(error));
    }
  }

  async #subjects({ tenant_id, owner_id }: Owner, limit: number): Promise<readonly string[]> {
    const { rows } = await this.#ctx.workSql<{ subject_id: string }>`
      SELECT subject_id FROM app.ruling_subjects(
        ${tenant_id}, ${owner_id}, ${this.#night.localDate}::date, ${this.#left}::uuid[], ${limit}::int)`;
    return rows.map(({ subject_id }) => subject_id);
  }

  /** Rules a batch; one that fails is bisected until the failing subject is alone. */
  async #rule(owner: Owner, ids: readonly string[]): Promise<void> {
    const ctx = this.#ctx.as({ user: owner.owner_id, tenant: owner.tenant_id });
    const input = {
      trigger: 'midnight_ruler',
      scheduled_for: this.#night.scheduledFor,
      subject_ids: ids,
    };
    const outcome = await this.#runFunction(ctx, MIDNIGHT_RULER_ID, input);
    if (outcome.ok) {
      const skipped = this.#count(outcome.result);
      this.#left.push(...skipped);
      await this.#ruled(ids.filter((id) => !skipped.includes(id)));
    } else if (outcome.error.code !== 'function_failed') {
      this.#counts.failed += 1;
      this.#giveUp(owner, `${outcome.error.code}: ${outcome.error.message}`);
    } else if (ids.length > 1 && this.#hasTime()) {
      const half = Math.ceil(ids.length / 2);
      await this.#rule(owner, ids.slice(0, half));
      await this.#rule(owner, ids.slice(half));
    } else {
      this.#counts.failed += 1;
      this.#left.push(...ids);
      this.#ctx.log('error', 'subjects could not be ruled', {
        subject_ids: ids,
        reason: outcome.error.message,
      });
    }
  }

  /** Adds up what the ruler reports. @returns the subjects that it skipped */
  #count(result: JsonValue): readonly string[] {
    const report = (typeof result === 'object' && result !== null ? result : {}) as {
      readonly [member: string]: JsonValue | undefined;
    };
    const numberOf = (name: string) => (typeof report[name] === 'number' ? report[name] : 0);
    const idsOf = (name: string) => (Array.isArray(report[name]) ? (report[name] as JsonValue[]) : []);
    this.#counts.accepted += numberOf('accepted');
    this.#counts.under_review += numberOf('under_review');
    this.#counts.terminated += numberOf('terminated');
    this.#counts.broken += idsOf('broken').length;
    const skipped = idsOf('skipped').filter((id) => typeof id === 'string');
    this.#counts.skipped += skipped.length;
    return skipped;
  }

  async #ruled(ids: readonly string[]): Promise<void> {
    this.#counts.looked += ids.length;
    await this.#ctx.workSql`SELECT app.subjects_ruled(${ids}::uuid[], ${this.#night.localDate}::date)`;
  }

  #giveUp(owner: Owner, reason: string): void {
    this.#givenUp.push(owner);
    this.#ctx.log('error', 'an owner could not be ruled', { tenant: owner.tenant_id, reason });
  }
}

async function recordNight(ctx: KernelContext, night: Night, counts: Counts, isOver: boolean): Promise<void> {
  if (!isOver) return;
  const decided = counts.accepted + counts.under_review + counts.terminated;
  await ctx.workSql`SELECT app.night_ruled(${night.localDate}::date, ${decided}::int)`;
}
