import type { StackSettings } from '../../../infra/settings';

/** Result of one check. */
export interface CheckResult {
  readonly outcome: 'pass' | 'warn' | 'fail';
  /** Finding, in one line. */
  readonly detail: string;
  /** What to do about it; absent when nothing is to do. */
  readonly advice?: string;
}

/** Input of the checks. */
export interface CheckContext {
  /** Name of the stack; undefined when none was given. */
  readonly stack: string | undefined;
  /** Its settings; undefined without a stack, or when its file is invalid. */
  readonly settings: StackSettings | undefined;
  /** AWS region; undefined when none is configured. */
  readonly region: string | undefined;
}

/** A check: one line of the table. */
export interface Prerequisite {
  readonly name: string;
  /** May throw an OperatorError, which counts as a failure. */
  run(context: CheckContext): Promise<CheckResult>;
}

/** A passed check. */
export const pass = (detail: string): CheckResult => ({ outcome: 'pass', detail });
/** A warning with advice. */
export const warn = (detail: string, advice: string): CheckResult => ({ outcome: 'warn', detail, advice });
/** A failed check with advice. */
export const fail = (detail: string, advice: string): CheckResult => ({ outcome: 'fail', detail, advice });
