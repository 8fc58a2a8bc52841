import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { SignedSpan } from '../../runtime/base/span';
import { verifySpan } from '../../runtime/ledger/span-signature';
import { type ApiAnswer, explainProblem, type LedgerApi, member } from '../ledger-api';

/** What the checks share: where they go, who they are, and what earlier ones appended. */
export interface SmokeContext {
  readonly client: LedgerApi;
  /** Of another tenant; undefined when there is none. */
  readonly otherToken: string | undefined;
  /** Marks everything this run appends, so that filters find nothing else. */
  readonly traceId: string;
  /** The single span that was appended first. */
  span: SignedSpan | undefined;
  /** The function that was appended. */
  functionId: string | undefined;
}

/** One thing that has to work. */
export interface SmokeCheck {
  readonly name: string;
  /**
   * @returns a remark for the report
   * @throws CheckFailed, CheckSkipped
   */
  run(context: SmokeContext): Promise<string>;
}

/** The system does not do what it should. */
export class CheckFailed extends Error {}

/** The check needs something that is not there. */
export class CheckSkipped extends Error {}

export function newSmokeContext(client: LedgerApi, otherToken: string | undefined): SmokeContext {
  return {
    client,
    otherToken,
    traceId: randomUUID().replaceAll('-', ''),
    span: undefined,
    functionId: undefined,
  };
}

/** The members every span of a smoke run has. */
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

export function expect(condition: boolean, detail: string): asserts condition {
  if (!condition) throw new CheckFailed(detail);
}

export function expectStatus(answer: ApiAnswer, ...allowed: readonly number[]): void {
  expect(allowed.includes(answer.status), `expected ${allowed.join(' or ')}, got ${explainProblem(answer)}`);
}

/** The span that the first check appended. */
export function firstSpan(context: SmokeContext): SignedSpan {
  if (context.span === undefined) throw new CheckSkipped('no span could be appended');
  return context.span;
}

/** A member of an answer as a span whose hash and signature hold. */
export function verifiedSpan(holder: unknown, name: string): SignedSpan {
  return verified(member(holder, name), name);
}

/** A member of an answer as a list of spans whose hashes and signatures hold. */
export function verifiedSpans(holder: unknown, name: string): SignedSpan[] {
  const list = member(holder, name);
  expect(Array.isArray(list), `the answer has no list "${name}"`);
  return list.map((span) => verified(span, name));
}

function verified(value: unknown, name: string): SignedSpan {
  expect(typeof value === 'object' && value !== null, `the answer has no "${name}"`);
  // verifySpan takes anything and says whether it is a span.
  const span = value as SignedSpan;
  const verdict = verifySpan(span);
  expect(verdict.ok, verdict.ok ? '' : `span ${span.id}: ${verdict.fault}: ${verdict.detail}`);
  return span;
}

/** Whether two spans say the same; a member that is null counts as absent. */
export function isSameSpan(one: SignedSpan, other: SignedSpan): boolean {
  const content = (span: SignedSpan): unknown =>
    Object.fromEntries(Object.entries(span).filter(([, value]) => value !== null && value !== undefined));
  return isDeepStrictEqual(content(one), content(other));
}
