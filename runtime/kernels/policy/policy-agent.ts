import type { JsonValue, SignedSpan } from '../../base/span';
import type { FeedPosition, FeedSpan } from '../../ledger/span-reader';
import type { KernelContext } from '../kernel-context';
import { readActions } from './policy-actions';
import { evaluate, InterruptedError, type Verdict } from './policy-evaluation';
import { append, failure, insertOnce, type Outcome, type Trigger } from './policy-reactions';

/** Most policies of one tick; of more, a tick takes a random part. */
const MAX_POLICIES = 10_000;
/** Tenants whose policies are evaluated concurrently. */
const CONCURRENCY = 4;
/** Most spans of one turn of one policy, in number and in bytes of JSON. */
const TURN_SPANS = 200;
const TURN_BYTES = 1024 * 1024;
/** Longest chain of policies that react to each other. */
const MAX_DEPTH = 8;
/** Most spans that the policies of a tenant may append in one tick. */
const MAX_REACTIONS = 10_000;
/** No turn starts when less than this is left of the tick. */
const RESERVE_MS = 8_000;

/** Spans by which kernels record a run; they belong to the chain of its request. */
const RUN_RECORDS: ReadonlySet<string> = new Set(['execution', 'provider_execution', 'status_patch']);

interface Cursor {
  readonly policy_id: string;
  readonly tenant_id: string;
  readonly owner_id: string;
  tx_id: string;
  ordinal: string;
}

interface Counts {
  policies: number;
  evaluated: number;
  reactions: number;
  errors: number;
  failed: number;
  waiting: number;
}

/** The policies of one tenant that still have a turn in this tick. */
interface Lane {
  readonly cursors: Cursor[];
  appended: number;
}

interface Tick {
  readonly ctx: KernelContext;
  readonly counts: Counts;
  /** Owners and feed positions after which there is nothing to read. */
  readonly idle: Set<string>;
}

/**
 * Evaluates every active policy on the spans after its cursor, in feed order, exactly once each. A policy reads and
 * writes nothing: it returns actions, which the agent appends under the identity of the policy's owner. Ids of reactions
 * are derived from policy, trigger and index, and the cursor advances only after the append, so that an interrupted tick
 * can be repeated without effect.
 *
 * A policy gets the spans of its own tenant that its owner may read, except those it emitted itself. Tenants take turns,
 * and policies within a tenant, so that neither a busy nor a hostile one delays the others.
 */
export async function main(ctx: KernelContext): Promise<JsonValue> {
  const { rows } = await ctx.workSql<Cursor>`
    SELECT policy_id, tenant_id, owner_id, tx_id, ordinal FROM app.active_policies(${MAX_POLICIES}::int)`;
  const counts: Counts = {
    policies: rows.length,
    evaluated: 0,
    reactions: 0,
    errors: 0,
    failed: 0,
    waiting: 0,
  };
  const lanes = new Map<string, Lane>();
  for (const row of rows) {
    const lane = lanes.get(row.tenant_id) ?? { cursors: [], appended: 0 };
    lane.cursors.push(row);
    lanes.set(row.tenant_id, lane);
  }
  const queue = [...lanes.values()];
  const tick: Tick = { ctx, counts, idle: new Set() };
  await Promise.all(Array.from({ length: CONCURRENCY }, () => work(tick, queue)));
  counts.waiting += queue.reduce((sum, { cursors }) => sum + cursors.length, 0);
  return { ...counts };
}

/** Takes the next tenant, gives its next policy one turn, and moves both to the end of their queues. */
async function work(tick: Tick, queue: Lane[]): Promise<void> {
  while (tick.ctx.remainingMs() > RESERVE_MS) {
    const lane = queue.shift();
    const cursor = lane?.cursors.shift();
    if (lane === undefined || cursor === undefined) return;
    if (await turn(tick, lane, cursor)) lane.cursors.push(cursor);
    if (lane.appended >= MAX_REACTIONS) {
      tick.counts.waiting += lane.cursors.length;
      tick.ctx.log('warn', 'policies of a tenant wait for the next tick', {
        tenant: cursor.tenant_id,
        appended: lane.appended,
      });
    } else if (lane.cursors.length > 0) queue.push(lane);
  }
}

/** One turn of a policy; when it fails, the policy waits for the next tick and the others go on. */
async function turn(tick: Tick, lane: Lane, cursor: Cursor): Promise<boolean> {
  try {
    return await react(tick, lane, cursor);
  } catch (error) {
    tick.counts.failed += 1;
    tick.ctx.log(error instanceof InterruptedError ? 'warn' : 'error', 'policy could not be evaluated', {
      policy_id: cursor.policy_id,
      reason: error instanceof Error ? error.message : String(error),
    });
    return false;
  }
}

/** Evaluates a policy on its next spans. @returns whether it has more spans to evaluate in this tick */
async function react(tick: Tick, lane: Lane, cursor: Cursor): Promise<boolean> {
  const { counts } = tick;
  const owner = tick.ctx.as({ user: cursor.owner_id, tenant: cursor.tenant_id });
  // Policies of one owner that have read everything are at the same position: one query serves them all.
  const position = JSON.stringify([cursor.tenant_id, cursor.owner_id, cursor.tx_id, cursor.ordinal]);
  if (tick.idle.has(position)) return false;
  const page = await owner.feed({ tx_id: cursor.tx_id, ordinal: cursor.ordinal }, TURN_SPANS);
  if (page.spans.length === 0) {
    tick.idle.add(position);
    return false;
  }
  const policy = await readPolicy(owner, cursor);
  if (policy === null) return false;
  const shown = await triggersOf(owner, policy, page.spans);
  const batch = lighterThan(TURN_BYTES, shown);
  const { verdicts, isCostly } = await evaluate(
    owner,
    policy,
    batch.map(({ span }) => span),
  );
  const outcomes = verdicts.flatMap((verdict, index) => {
    const trigger = batch[index];
    return trigger === undefined ? [] : [outcomeOf(policy, trigger, verdict)];
  });
  counts.evaluated += verdicts.length;
  const done = await append(owner, policy, outcomes);
  counts.reactions += done.appended;
  counts.errors += done.errors;
  lane.appended += done.appended;
  const isWhole = verdicts.length === shown.length;
  await advance(owner, cursor, isWhole ? page.next : batch[verdicts.length - 1]?.position);
  return !isCostly && (page.hasMore || !isWhole);
}

/** The newest version of the policy if it is active and verifies, else null. */
async function readPolicy(owner: KernelContext, cursor: Cursor): Promise<SignedSpan | null> {
  const policy = await owner.readSpan(cursor.policy_id);
  const isActive =
    policy !== null &&
    policy.entity_type === 'policy' &&
    !policy.is_deleted &&
    (policy.status ?? 'active') === 'active' &&
    policy.owner_id === cursor.owner_id &&
    policy.tenant_id === cursor.tenant_id;
  if (!isActive) return null;
  const verdict = await owner.verifySpan(policy as unknown as JsonValue);
  if (verdict.ok) return policy;
  owner.log('error', 'policy does not verify', { policy_id: policy.id, seq: policy.seq });
  await insertOnce(owner, [
    {
      id: await owner.stableId('policy_error', policy.id, String(policy.seq), 'signature'),
      entity_type: 'policy_error',
      who: 'policy_agent',
      did: 'refused',
      this: policy.name ?? policy.id,
      status: 'error',
      parent_id: policy.id,
      related_to: [policy.id],
      error: { code: 'boot_refused', message: `the policy does not verify: ${verdict.detail}` },
      metadata: { policy_id: policy.id, policy_seq: policy.seq },
    },
  ]);
  return null;
}

/** The spans of the feed that a policy gets: those of its tenant, except its own. */
async function triggersOf(
  owner: KernelContext,
  policy: SignedSpan,
  feed: readonly FeedSpan[],
): Promise<readonly Trigger[]> {
  const own = feed.filter(({ span }) => span.tenant_id === policy.tenant_id);
  const ids = [...new Set(own.flatMap(({ span }) => [span.id, ...chainOf(span)]))];
  const { rows } = await owner.sql<{ span_id: string; policy_id: string; depth: number }>`
    SELECT span_id, policy_id, depth FROM app.policy_emission WHERE span_id = ANY (${ids}::uuid[])`;
  const depths = new Map<string, number>();
  const mine = new Set<string>();
  for (const { span_id, policy_id, depth } of rows) {
    depths.set(span_id, Math.max(depth, depths.get(span_id) ?? 0));
    if (policy_id === policy.id) mine.add(span_id);
  }
  return own.flatMap(({ span, position }) => {
    // Later versions of a span that a policy emitted are written by others, except those of a request.
    if (mine.has(span.id) && (span.seq === 0 || span.entity_type === 'request')) return [];
    const depth = Math.max(0, ...[span.id, ...chainOf(span)].map((id) => depths.get(id) ?? 0));
    return depth > MAX_DEPTH ? [] : [{ span, position, depth }];
  });
}

function chainOf({ entity_type, related_to }: SignedSpan): readonly string[] {
  return RUN_RECORDS.has(entity_type) ? (related_to ?? []) : [];
}

function lighterThan(maxBytes: number, triggers: readonly Trigger[]): readonly Trigger[] {
  let bytes = 0;
  const end = triggers.findIndex(({ span }, index) => {
    bytes += JSON.stringify(span).length;
    return index > 0 && bytes > maxBytes;
  });
  return end < 0 ? triggers : triggers.slice(0, end);
}

function outcomeOf(policy: SignedSpan, trigger: Trigger, verdict: Verdict): Outcome {
  if (!verdict.ok) return failure(policy, trigger, verdict.error);
  const reactions = readActions(policy, trigger.span, verdict.value);
  if (!reactions.ok) return failure(policy, trigger, { code: 'bad_action', message: reactions.message });
  if (reactions.drafts.length > 0 && trigger.depth >= MAX_DEPTH) {
    const message = `policies reacted to each other ${MAX_DEPTH} times in a row; the chain ends here`;
    return failure(policy, trigger, { code: 'chain_limit', message });
  }
  return { trigger, drafts: reactions.drafts, isError: false };
}

/** Advances the cursor; the database refuses to move it back, or without the tick's lease. */
async function advance(ctx: KernelContext, cursor: Cursor, to: FeedPosition | undefined): Promise<void> {
  if (to === undefined) return;
  await ctx.workSql`
    SELECT app.advance_policy(${cursor.policy_id}::uuid, ${to.tx_id}::xid8, ${to.ordinal}::bigint)`;
  cursor.tx_id = to.tx_id;
  cursor.ordinal = to.ordinal;
}
