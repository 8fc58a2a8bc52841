import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { SignedSpan } from '../../runtime/base/span';
import { verifySpan } from '../../runtime/ledger/span-signature';
import { type ApiAnswer, explainProblem, type LedgerApi, member } from '../ledger-api';

/** Shared state of the checks: client, tokens, and spans of earlier checks. */
export interface SmokeContext {
  readonly client: LedgerApi;
  /** Token of another tenant; undefined without one. */
  readonly otherToken: string | undefined;
  /** `trace_id` of all spans of this run, by which filters find only them. */
  readonly traceId: string;
  /** The span of the first check. */
  span: SignedSpan | undefined;
  /** Id of the function that a check appended. */
  functionId: string | undefined;
}

/** A check. */
export interface SmokeCheck {
  readonly name: string;
  /**
   * @returns remark for the report
   * @throws CheckFailed, CheckSkipped
   */
  run(context: SmokeContext): Promise<string>;
}

/** The check failed. */
export class CheckFailed extends Error {}

/** The check was skipped, because something it needs is missing. */
export class CheckSkipped extends Error {}

/** The context of a new smoke run. */
export function newSmokeContext(client: LedgerApi, otherToken: string | undefined): SmokeContext {
  return {
    client,
    otherToken,
    traceId: randomUUID().replaceAll('-', ''),
    span: undefined,
    functionId: undefined,
  };
}

/** A draft with the members that all spans of a smoke run share. */
export function draft(context: SmokeContext, members: Readonly<Record<string, unknown>> = {}) {
  return {
    entity_type: 'smoke_test',
    who: 'logline smoke',
    did: 'checked',
    this: 'that the ledger works',
    trace_id: context.traceId,
    ...members,
  };
}

/** Fails the check with `detail` unless the condition holds. */
export function expect(condition: boolean, detail: string): asserts condition {
  if (!condition) throw new CheckFailed(detail);
}

/** Fails the check unless the answer has an allowed status. */
export function expectStatus(answer: ApiAnswer, ...allowed: readonly number[]): void {
  expect(allowed.includes(answer.status), `expected ${allowed.join(' or ')}, got ${explainProblem(answer)}`);
}

/** The span of the first check. */
export function firstSpan(context: SmokeContext): SignedSpan {
  if (context.span === undefined) throw new CheckSkipped('no span could be appended');
  return context.span;
}

/** A member of an answer as a span, with hash and signature verified. */
export function verifiedSpan(holder: unknown, name: string): SignedSpan {
  return verified(member(holder, name), name);
}

/** A member of an answer as a list of spans, each verified. */
export function verifiedSpans(holder: unknown, name: string): SignedSpan[] {
  const list = member(holder, name);
  expect(Array.isArray(list), `the answer has no list "${name}"`);
  return list.map((span) => verified(span, name));
}

function verified(value: unknown, name: string): SignedSpan {
  expect(typeof value === 'object' && value !== null, `the answer has no "${name}"`);
  // verifySpan accepts any value and reports whether it is a span.
  const span = value as SignedSpan;
  const verdict = verifySpan(span);
  expect(verdict.ok, verdict.ok ? '' : `span ${span.id}: ${verdict.fault}: ${verdict.detail}`);
  return span;
}

/** Whether two spans are equal; null members count as absent. */
export function isSameSpan(one: SignedSpan, other: SignedSpan): boolean {
  const content = (span: SignedSpan): unknown =>
    Object.fromEntries(Object.entries(span).filter(([, value]) => value !== null && value !== undefined));
  return isDeepStrictEqual(content(one), content(other));
}
