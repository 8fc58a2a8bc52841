import type { JsonValue, SignedSpan, Visibility } from '../../base/span';
import type { SpanDraft } from '../../ledger/span-draft';
import { isUuid } from '../json';

/** Most actions of one policy on one span. */
export const MAX_ACTIONS = 20;

/** Members of an emitted span that the ledger assigns, not the policy. */
const ASSIGNED = ['id', 'seq', 'prev_hash', 'curr_hash', 'signature', 'public_key'] as const;

type Members = { readonly [member: string]: JsonValue | undefined };

/** The drafts that a policy's actions stand for, without ids. */
export type Reactions =
  | { readonly ok: true; readonly drafts: readonly SpanDraft[] }
  | { readonly ok: false; readonly message: string };

/**
 * Reads the result of `on(span)`: null, an action, or a list of at most 20.
 *
 * - `{"type": "request", "function_id": <uuid>, "input"?: …}` requests a run of a function
 * - `{"type": "emit", "span": {…}}` appends a span as the policy's owner; the ledger assigns its id
 */
export function readActions(policy: SignedSpan, trigger: SignedSpan, value: JsonValue): Reactions {
  const actions = value === null ? [] : Array.isArray(value) ? (value as readonly JsonValue[]) : [value];
  if (actions.length > MAX_ACTIONS) {
    return {
      ok: false,
      message: `the policy returned ${actions.length} actions; at most ${MAX_ACTIONS} are allowed`,
    };
  }
  const drafts: SpanDraft[] = [];
  for (const [index, action] of actions.entries()) {
    const draft = readAction(policy, trigger, membersOf(action));
    if (typeof draft === 'string') return { ok: false, message: `action ${index}: ${draft}` };
    drafts.push(draft);
  }
  return { ok: true, drafts };
}

/** The draft, or a sentence that says what is wrong. */
function readAction(policy: SignedSpan, trigger: SignedSpan, action: Members | null): SpanDraft | string {
  if (action === null) return 'an action is an object';
  if (action.type === 'request') return readRequest(policy, trigger, action);
  if (action.type === 'emit') return readEmission(policy, trigger, action);
  return 'type must be "request" or "emit"';
}

function readRequest(policy: SignedSpan, trigger: SignedSpan, action: Members): SpanDraft | string {
  const unknown = unknownMember(action, ['type', 'function_id', 'input']);
  if (unknown !== undefined) return `${unknown} is not a member of a request action`;
  const functionId = typeof action.function_id === 'string' ? action.function_id.toLowerCase() : '';
  if (!isUuid(functionId)) return 'function_id must be a UUID';
  return {
    entity_type: 'request',
    who: 'policy_agent',
    did: 'requested',
    this: functionId,
    status: 'scheduled',
    parent_id: functionId,
    related_to: [functionId, policy.id, trigger.id],
    visibility: narrower(policy.visibility, trigger.visibility),
    ...(action.input === undefined ? {} : { input: action.input }),
    ...traceOf(trigger),
    metadata: { function_id: functionId, ...causeOf(policy, trigger) },
  };
}

function readEmission(policy: SignedSpan, trigger: SignedSpan, action: Members): SpanDraft | string {
  const unknown = unknownMember(action, ['type', 'span']);
  if (unknown !== undefined) return `${unknown} is not a member of an emit action`;
  const span = membersOf(action.span ?? null);
  if (span === null) return 'span must be an object';
  const assigned = ASSIGNED.find((name) => span[name] !== undefined && span[name] !== null);
  if (assigned !== undefined) return `span.${assigned} is assigned by the ledger; leave it out`;
  const isForeign =
    ![undefined, null, policy.owner_id].includes(span.owner_id as string) ||
    ![undefined, null, policy.tenant_id].includes(span.tenant_id as string);
  if (isForeign) return "span.owner_id and span.tenant_id are those of the policy's owner; leave them out";
  // Policies that create policies would multiply without bound.
  if (span.entity_type === 'policy') return 'a policy cannot emit a policy';
  // The rest is checked when the span is appended.
  return { ...traceOf(trigger), ...span } as unknown as SpanDraft;
}

/** Why a span of the policy agent exists. */
export function causeOf(policy: SignedSpan, trigger: SignedSpan) {
  return {
    policy_id: policy.id,
    policy_seq: policy.seq,
    trigger_id: trigger.id,
    trigger_seq: trigger.seq,
  };
}

/** The narrower visibility, so that a reaction is visible only to readers of both the policy and the trigger. */
export function narrower(one: Visibility, other: Visibility): Visibility {
  const order: readonly Visibility[] = ['private', 'tenant', 'public'];
  return order.indexOf(one) < order.indexOf(other) ? one : other;
}

function traceOf({ trace_id }: SignedSpan): { trace_id?: string } {
  return typeof trace_id === 'string' ? { trace_id } : {};
}

function unknownMember(value: Members, known: readonly string[]): string | undefined {
  return Object.keys(value).find((name) => !known.includes(name));
}

function membersOf(value: JsonValue): Members | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : null;
}
