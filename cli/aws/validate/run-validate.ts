import { styleText } from 'node:util';
import { OperatorError, oneLine } from '../../../local/operator-error';
import { stackSettings } from '../stack-file';
import { IDENTITY_CHECKS, notAsked, QUOTA_CHECKS } from './aws-checks';
import { hostChecks } from './host-checks';
import { LOCAL_CHECKS } from './local-checks';
import type { CheckContext, CheckResult, Prerequisite } from './prerequisite';
import { PULUMI_CHECKS } from './pulumi-checks';

/** Options of `logline validate`. */
export interface ValidateOptions {
  readonly stack?: string;
  readonly strict?: boolean;
  readonly json?: boolean;
}

/** A check with its name. */
export interface NamedResult extends CheckResult {
  readonly name: string;
}

/** Prints the table, and sets exit code 1 for a failure, with `strict` also for a warning. */
export async function runValidate(options: ValidateOptions): Promise<void> {
  const results = await validate(options.stack, (result) => {
    if (!options.json) process.stdout.write(linesOf(result));
  });
  const count = (outcome: CheckResult['outcome']): number =>
    results.filter((result) => result.outcome === outcome).length;
  const totals = { passed: count('pass'), warnings: count('warn'), failed: count('fail') };
  const ok = totals.failed === 0 && (totals.warnings === 0 || options.strict !== true);
  if (options.json) process.stdout.write(`${JSON.stringify({ ok, ...totals, results })}\n`);
  else {
    process.stdout.write(
      `\n${totals.passed} passed, ${totals.warnings} warnings, ${totals.failed} failed${options.strict && totals.warnings > 0 ? ' (--strict: warnings count)' : ''}\n`,
    );
  }
  if (!ok) process.exitCode = 1;
}

/**
 * Runs all checks of a deployment, in order.
 * @param onResult called with each result
 */
export async function validate(
  stack: string | undefined,
  onResult: (result: NamedResult) => void,
): Promise<readonly NamedResult[]> {
  const context = contextOf(stack);
  const results: NamedResult[] = [];
  const check = async (prerequisite: Prerequisite): Promise<CheckResult> => {
    const result = { name: prerequisite.name, ...(await resultOf(prerequisite, context)) };
    results.push(result);
    onResult(result);
    return result;
  };
  for (const prerequisite of [...LOCAL_CHECKS, ...hostChecks(), ...PULUMI_CHECKS]) await check(prerequisite);
  let isKnown = true;
  for (const prerequisite of IDENTITY_CHECKS) {
    const { outcome } = await check(prerequisite);
    isKnown &&= outcome !== 'fail';
  }
  for (const prerequisite of QUOTA_CHECKS) {
    await check(isKnown ? prerequisite : { ...prerequisite, run: async () => notAsked() });
  }
  return results;
}

/** An invalid stack file fails a check of its own; the other checks run without settings. */
function contextOf(stack: string | undefined): CheckContext {
  const settings = stack === undefined ? undefined : settingsOrNone(stack);
  const region = settings?.region ?? (process.env.AWS_REGION || process.env.AWS_DEFAULT_REGION || undefined);
  return { stack, settings, region };
}

function settingsOrNone(stack: string): CheckContext['settings'] {
  try {
    return stackSettings(stack);
  } catch (error) {
    if (error instanceof OperatorError) return undefined;
    throw error;
  }
}

async function resultOf({ run }: Prerequisite, context: CheckContext): Promise<CheckResult> {
  try {
    return await run(context);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    // Our messages are `fault; advice`.
    const [detail = '', ...advice] = oneLine(error).split('; ');
    return {
      outcome: 'fail',
      detail,
      ...(advice.length === 0 ? {} : { advice: advice.join('; ') }),
    };
  }
}

const MARKS = { pass: ['green', 'PASS'], warn: ['yellow', 'WARN'], fail: ['red', 'FAIL'] } as const;
const NAME_WIDTH = Math.max(
  ...[...LOCAL_CHECKS, ...PULUMI_CHECKS, ...IDENTITY_CHECKS, ...QUOTA_CHECKS].map(({ name }) => name.length),
);

/** A line for the table, and a second one with the advice. */
export function linesOf({ name, outcome, detail, advice }: NamedResult): string {
  const [color, word] = MARKS[outcome];
  const mark = styleText(color, word, { stream: process.stdout });
  const indent = ' '.repeat('PASS  '.length + NAME_WIDTH + 2);
  const second = advice === undefined ? '' : `${indent}→ ${advice}\n`;
  return `${mark}  ${name.padEnd(NAME_WIDTH)}  ${detail}\n${second}`;
}
