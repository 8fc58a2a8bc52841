import type { JsonValue, SignedSpan } from '../../base/span';
import type { SpanDraft } from '../../ledger/span-draft';
import type { FeedPosition } from '../../ledger/span-reader';
import type { KernelContext } from '../kernel-context';
import { SpanRoom } from '../span-room';
import { causeOf, narrower } from './policy-actions';

/** Spans of one append; the reactions to one trigger are never split. */
const APPEND_SPANS = 250;

/** A span for a policy, and the number of policies between it and a span that no policy emitted. */
export interface Trigger {
  readonly span: SignedSpan;
  readonly position: FeedPosition;
  readonly depth: number;
}

/** The result of one trigger: reactions, or one policy_error. */
export interface Outcome {
  readonly trigger: Trigger;
  readonly drafts: readonly SpanDraft[];
  readonly isError: boolean;
}

/** The outcome for a policy that failed on a trigger: one policy_error. */
export function failure(policy: SignedSpan, trigger: Trigger, error: JsonValue): Outcome {
  const draft: SpanDraft = {
    entity_type: 'policy_error',
    who: 'policy_agent',
    did: 'failed',
    this: policy.name ?? policy.id,
    status: 'error',
    parent_id: policy.id,
    related_to: [policy.id, trigger.span.id],
    visibility: narrower(policy.visibility, trigger.span.visibility),
    // What a policy returned may be in its message.
    error: new SpanRoom().put(error),
    metadata: causeOf(policy, trigger.span),
  };
  // No error for a failure on a policy_error: two failing policies would answer each other's errors forever.
  return { trigger, drafts: trigger.span.entity_type === 'policy_error' ? [] : [draft], isError: true };
}

/** Appends the reactions that are missing. @returns the number of spans appended, and of triggers that failed */
export async function append(
  owner: KernelContext,
  policy: SignedSpan,
  outcomes: readonly Outcome[],
): Promise<{ readonly appended: number; readonly errors: number }> {
  const counts = { appended: 0, errors: outcomes.filter(({ isError }) => isError).length };
  const named = await Promise.all(
    outcomes.filter(({ drafts }) => drafts.length > 0).map((one) => withIds(owner, policy, one)),
  );
  const done = await doneBefore(owner, policy, named);
  const open = named.filter(({ trigger }) => !done.has(trigger));
  for (let start = 0; start < open.length; ) {
    const chunk: Outcome[] = [];
    let size = 0;
    for (; start < open.length && (size === 0 || size < APPEND_SPANS); start += 1) {
      const one = open[start];
      if (one === undefined) break;
      chunk.push(one);
      size += one.drafts.length;
    }
    counts.appended += await appendChunk(owner, policy, chunk, counts);
  }
  return counts;
}

async function withIds(owner: KernelContext, policy: SignedSpan, outcome: Outcome): Promise<Outcome> {
  const { trigger, drafts, isError } = outcome;
  const idOf = (index: number) =>
    isError ? errorId(owner, policy, trigger) : reactionId(owner, policy, trigger, index);
  const named = drafts.map(async (draft, index) => ({ ...draft, id: await idOf(index) }));
  return { ...outcome, drafts: await Promise.all(named) };
}

function reactionId(
  owner: KernelContext,
  policy: SignedSpan,
  { span }: Trigger,
  index: number,
): Promise<string> {
  return owner.stableId('policy_reaction', policy.id, span.id, String(span.seq), String(index));
}

function errorId(owner: KernelContext, policy: SignedSpan, { span }: Trigger): Promise<string> {
  return owner.stableId('policy_error', policy.id, String(policy.seq), span.id, String(span.seq));
}

/** Triggers with reactions from an earlier attempt. Those stand, even if the policy now returns something else. */
async function doneBefore(
  owner: KernelContext,
  policy: SignedSpan,
  outcomes: readonly Outcome[],
): Promise<ReadonlySet<Trigger>> {
  const triggerOf = new Map<string, Trigger>();
  for (const { trigger } of outcomes) {
    triggerOf.set(await reactionId(owner, policy, trigger, 0), trigger);
    triggerOf.set(await errorId(owner, policy, trigger), trigger);
  }
  if (triggerOf.size === 0) return new Set();
  const { rows } = await owner.sql<{ id: string }>`
    SELECT id FROM ledger.universal_registry WHERE id = ANY (${[...triggerOf.keys()]}::uuid[]) AND seq = 0`;
  return new Set(rows.flatMap(({ id }) => triggerOf.get(id) ?? []));
}

/** Appends a chunk at once; when that is refused, one trigger at a time, with a policy_error for each refused one. */
async function appendChunk(
  owner: KernelContext,
  policy: SignedSpan,
  chunk: readonly Outcome[],
  counts: { errors: number },
): Promise<number> {
  const drafts = chunk.flatMap((one) => one.drafts);
  const rows = chunk.flatMap((one) => one.drafts.map(({ id }) => ({ id, depth: one.trigger.depth + 1 })));
  await owner.sql`
    INSERT INTO app.policy_emission (span_id, policy_id, depth)
    SELECT e.span_id, ${policy.id}::uuid, e.depth
    FROM unnest(${rows.map(({ id }) => id)}::uuid[], ${rows.map(({ depth }) => depth)}::int[]) AS e (span_id, depth)
    ON CONFLICT DO NOTHING`;
  const refusal = await insertOnce(owner, drafts);
  if (refusal === null) return drafts.length;
  const [first] = chunk;
  if (first === undefined) return 0;
  if (chunk.length > 1) {
    let appended = 0;
    for (const one of chunk) appended += await appendChunk(owner, policy, [one], counts);
    return appended;
  }
  if (first.isError || refusal.code === 'conflict') return 0;
  counts.errors += 1;
  return appendChunk(
    owner,
    policy,
    [await withIds(owner, policy, failure(policy, first.trigger, refusal))],
    counts,
  );
}

/** Appends spans. @returns the refusal; null on success. @throws errors that a retry may resolve */
export async function insertOnce(
  owner: KernelContext,
  drafts: readonly SpanDraft[],
): Promise<{ code: string; message: string; errors?: JsonValue } | null> {
  try {
    await owner.insertSpan(drafts);
    return null;
  } catch (error) {
    const { code, message, faults } = error as { code?: string; message: string; faults?: JsonValue };
    if (code === undefined || code === 'unavailable') throw error;
    return { code, message, ...(faults === undefined ? {} : { errors: faults }) };
  }
}
