import {
  BadSignatureError,
  type Fault,
  ForbiddenError,
  type LogLineError,
  MalformedError,
} from '../base/errors';
import type { Identity } from '../base/identity';
import { MAX_NAME_LENGTH } from '../base/name';
import type { Pause } from '../base/slices';
import type { SignedSpan, Span } from '../base/span';
import { MAX_FAULTS } from '../json/parse-with';
import { isTimestamp, normalizeTimestamp } from '../json/timestamp';
import { newSpanId } from './span-id';
import {
  hashVerified,
  hashVerifiedInSlices,
  type SpanRefusal,
  type SpanVerdict,
  type UncheckedSpan,
  verifySignatures,
  verifySpan,
  verifySpanInSlices,
} from './span-signature';

/** A span as a caller may send it: the required members and any others. Null means absent. */
export type SpanDraft = Pick<Span, 'entity_type' | 'who' | 'this'> & Partial<Span>;

/** A span with all members except hash and signature. */
export type CompleteSpan = Span;

/** Members that a client-signed span must have, because the server adds nothing to it. */
const COMPLETE_MEMBERS = [
  'id',
  'seq',
  'at',
  'owner_id',
  'tenant_id',
  'visibility',
  'is_deleted',
  'public_key',
  'curr_hash',
] as const;

/** Whether the client signed the span itself. */
export function isClientSigned(draft: SpanDraft): boolean {
  return isPresent(draft.signature);
}

/**
 * Fills in the members that the server provides: `id`, `seq`, `at`, `owner_id`, `tenant_id`, `visibility` and
 * `is_deleted`. Null members are dropped. Nothing is added to a client-signed span.
 * @param traceId `trace_id` of a draft without one; defaults to none
 * @throws ForbiddenError when the draft names another owner or tenant than the caller's
 */
export function completeSpan(
  draft: SpanDraft,
  identity: Identity,
  now: Date,
  traceId?: string,
): CompleteSpan {
  refuseForeignOwner(draft, identity);
  if (isClientSigned(draft)) return presentMembers(draft, []) as CompleteSpan;
  const span: Writable<CompleteSpan> = {
    ...presentMembers(draft, ['curr_hash', 'public_key']),
    id: draft.id?.toLowerCase() ?? newSpanId(),
    seq: draft.seq ?? 0,
    at: isPresent(draft.at) ? (normalizeTimestamp(draft.at) ?? draft.at) : now.toISOString(),
    owner_id: identity.user,
    tenant_id: identity.tenant,
    visibility: draft.visibility ?? 'private',
    is_deleted: draft.is_deleted ?? false,
  };
  if (traceId !== undefined && !isPresent(draft.trace_id)) span.trace_id = traceId;
  if (isPresent(draft.parent_id)) span.parent_id = draft.parent_id.toLowerCase();
  if (isPresent(draft.related_to)) span.related_to = draft.related_to.map((id) => id.toLowerCase());
  return span;
}

type Writable<T> = { -readonly [Member in keyof T]: T[Member] };

/**
 * Faults that a schema cannot express: a timestamp that does not exist, a signature without its hash or key, a first
 * version with a `prev_hash`. The draft may have failed its schema, so members may have any type.
 * @param pointer JSON pointer of the draft within the request
 */
export function draftFaults(draft: SpanDraft, pointer = ''): Fault[] {
  const fault = (member: string, detail: string): Fault => ({ pointer: `${pointer}/${member}`, detail });
  const faults: Fault[] = [];
  if (isPresent(draft.at) && (typeof draft.at !== 'string' || normalizeTimestamp(draft.at) === undefined)) {
    faults.push(
      fault(
        'at',
        'must be an RFC 3339 timestamp with at most milliseconds, such as 2026-01-31T23:59:59.000Z',
      ),
    );
  } else if (isClientSigned(draft) && isPresent(draft.at) && !isTimestamp(draft.at)) {
    faults.push(
      fault('at', 'in a span that you sign yourself must be UTC with exactly three fractional digits and Z'),
    );
  }
  if (isPresent(draft.prev_hash) && (draft.seq ?? 0) === 0) {
    faults.push(fault('prev_hash', 'a first version (seq 0) follows nothing; leave prev_hash out'));
  }
  if (draft.entity_type === 'token_revocation' && !isTokenId(draft.this)) {
    faults.push(
      fault(
        'this',
        `in a token_revocation is the jti of a token: 1 to ${MAX_NAME_LENGTH} characters without outer blanks`,
      ),
    );
  }
  return [...faults, ...signatureFaults(draft, fault)];
}

/** Whether a text can be a `jti`: a revocation of anything else would be stored and do nothing. */
function isTokenId(text: unknown): boolean {
  return typeof text === 'string' && text !== '' && text.length <= MAX_NAME_LENGTH && text.trim() === text;
}

function signatureFaults(draft: SpanDraft, fault: (member: string, detail: string) => Fault): Fault[] {
  if (!isClientSigned(draft)) {
    return (['curr_hash', 'public_key'] as const)
      .filter((member) => isPresent(draft[member]))
      .map((member) =>
        fault(member, 'is accepted only together with signature; leave all three out to let the server sign'),
      );
  }
  const missing: string[] = COMPLETE_MEMBERS.filter((member) => !isPresent(draft[member]));
  if (typeof draft.seq === 'number' && draft.seq > 0 && !isPresent(draft.prev_hash))
    missing.push('prev_hash');
  return missing.map((member) => fault(member, 'is missing; a span that you sign yourself must be complete'));
}

/**
 * Returns the span if its hash and signature verify over exactly what was sent.
 * @throws BadSignatureError, or MalformedError when a member is not in the form that the hash covers
 */
export function checkClientSignature(span: Span): SignedSpan {
  return judged(span, verifySpan(span));
}

/** {@link checkClientSignature} with pauses, for a span of many values. */
export async function checkClientSignatureInSlices(span: Span, pause: Pause): Promise<SignedSpan> {
  return judged(span, await verifySpanInSlices(span, pause));
}

/**
 * Checks form and hash of a span in a list; {@link checkClientSignatures} checks its signature.
 * @param pointer JSON pointer of the span within the request
 * @throws BadSignatureError, or MalformedError when a member is not in the form that the hash covers.
 */
export function checkClientHash(span: Span, pointer: string): UncheckedSpan {
  return uncheckedOrRefused(hashVerified(span), pointer);
}

/** {@link checkClientHash} with pauses, for a span of many values. */
export async function checkClientHashInSlices(
  span: Span,
  pointer: string,
  pause: Pause,
): Promise<UncheckedSpan> {
  return uncheckedOrRefused(await hashVerifiedInSlices(span, pause), pointer);
}

/**
 * Verifies the signatures of a list of spans on another thread.
 * @throws BadSignatureError that lists every bad signature.
 */
export async function checkClientSignatures(spans: readonly UncheckedSpan[]): Promise<void> {
  const verdicts = await verifySignatures(spans);
  const faults = verdicts.flatMap((verdict, index): Fault[] =>
    verdict.ok ? [] : [{ pointer: `/${index}/signature`, detail: verdict.detail }],
  );
  const [first] = faults;
  if (first !== undefined)
    throw new BadSignatureError(`A span does not verify: ${first.detail}.`, {
      faults: faults.slice(0, MAX_FAULTS),
    });
}

function uncheckedOrRefused(outcome: UncheckedSpan | SpanRefusal, pointer: string): UncheckedSpan {
  if (!('ok' in outcome)) return outcome;
  throw refusalOf(outcome, pointer);
}

function judged(span: Span, verdict: SpanVerdict): SignedSpan {
  if (verdict.ok) return span as SignedSpan;
  throw refusalOf(verdict);
}

function refusalOf({ fault, detail }: SpanRefusal, pointer?: string): LogLineError {
  const extras = pointer === undefined ? {} : { faults: [{ pointer, detail }] };
  return fault === 'malformed'
    ? new MalformedError(`A span that you sign yourself: ${detail}.`, extras)
    : new BadSignatureError(`The span does not verify: ${detail}.`, extras);
}

function refuseForeignOwner(draft: SpanDraft, identity: Identity): void {
  const foreign =
    (isPresent(draft.owner_id) && draft.owner_id !== identity.user) ||
    (isPresent(draft.tenant_id) && draft.tenant_id !== identity.tenant);
  if (foreign) {
    throw new ForbiddenError(
      'owner_id and tenant_id are those of your token; leave them out or send exactly these.',
    );
  }
}

/** The draft without null members and without those of `leftOut`. */
function presentMembers(draft: SpanDraft, leftOut: readonly (keyof Span)[]): SpanDraft {
  const given = { ...draft };
  for (const name of Object.keys(given) as (keyof Span)[]) {
    if (!isPresent(given[name]) || leftOut.includes(name)) delete given[name];
  }
  return given;
}

function isPresent<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}
