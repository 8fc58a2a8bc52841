import type { StackSettings } from '../../../infra/settings';

/** How one check ended. */
export interface CheckResult {
  readonly outcome: 'pass' | 'warn' | 'fail';
  /** What was found. */
  readonly detail: string;
  /** What to do about it; absent when there is nothing to do. */
  readonly advice?: string;
}

/** What the checks know of the stack. */
export interface CheckContext {
  /** Undefined when no stack was named. */
  readonly stack: string | undefined;
  /** Undefined without a stack, or when its file is wrong. */
  readonly settings: StackSettings | undefined;
  /** Where AWS is asked; undefined when nobody said. */
  readonly region: string | undefined;
}

/** One line of the table. */
export interface Prerequisite {
  readonly name: string;
  /** Throws an OperatorError for a failure with nothing else to say. */
  run(context: CheckContext): Promise<CheckResult>;
}

export const pass = (detail: string): CheckResult => ({ outcome: 'pass', detail });
export const warn = (detail: string, advice: string): CheckResult => ({ outcome: 'warn', detail, advice });
export const fail = (detail: string, advice: string): CheckResult => ({ outcome: 'fail', detail, advice });
