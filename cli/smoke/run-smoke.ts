import { styleText } from 'node:util';
import { OperatorError, oneLine } from '../../local/operator-error';
import { cryptoReady } from '../../runtime/crypto';
import { resolveTarget } from '../target';
import { FUNCTION_CHECKS } from './function-checks';
import { LEDGER_CHECKS } from './ledger-checks';
import {
  CheckFailed,
  CheckSkipped,
  newSmokeContext,
  type SmokeCheck,
  type SmokeContext,
} from './smoke-context';
import { TENANT_CHECKS } from './tenant-checks';

/** Options of `logline smoke`. */
export interface SmokeOptions {
  readonly url?: string;
  readonly token?: string;
  readonly otherToken?: string;
  readonly json?: boolean;
}

/** Result of one check. */
export interface SmokeResult {
  readonly number: number;
  readonly name: string;
  readonly outcome: 'pass' | 'fail' | 'skip';
  readonly detail: string;
  readonly duration_ms: number;
}

const CHECKS: readonly SmokeCheck[] = [...LEDGER_CHECKS, ...TENANT_CHECKS, ...FUNCTION_CHECKS];
const EXIT_FAILED = 1;

/**
 * Runs every check against a running LogLine, prints numbered results, and sets exit code 1 when one fails.
 * @returns whether all passed
 */
export async function runSmoke(options: SmokeOptions): Promise<boolean> {
  await cryptoReady();
  const target = await resolveTarget(options);
  if (target.token === undefined) {
    throw new OperatorError(
      'a token is needed: --token "$(npx logline token --user U --tenant T)", or LOGLINE_TOKEN',
      {
        exitCode: 2,
      },
    );
  }
  const other = options.otherToken ?? (await target.mint('smoke', 'smoke-other-tenant'));
  const results = await runChecks(newSmokeContext(target.client, other), (result) => {
    if (!options.json) process.stdout.write(`${lineOf(result)}\n`);
  });
  const count = (outcome: SmokeResult['outcome']): number =>
    results.filter((result) => result.outcome === outcome).length;
  const totals = { passed: count('pass'), failed: count('fail'), skipped: count('skip') };
  if (options.json)
    process.stdout.write(`${JSON.stringify({ ok: totals.failed === 0, ...totals, results })}\n`);
  else
    process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`);
  if (totals.failed > 0) process.exitCode = EXIT_FAILED;
  return totals.failed === 0;
}

async function runChecks(
  context: SmokeContext,
  onResult: (result: SmokeResult) => void,
): Promise<readonly SmokeResult[]> {
  const results = [];
  for (const [index, check] of CHECKS.entries()) {
    const startedAt = performance.now();
    const ended = await outcomeOf(check, context);
    const result = {
      number: index + 1,
      name: check.name,
      ...ended,
      duration_ms: Math.round(performance.now() - startedAt),
    };
    results.push(result);
    onResult(result);
  }
  return results;
}

async function outcomeOf(
  check: SmokeCheck,
  context: SmokeContext,
): Promise<{ outcome: SmokeResult['outcome']; detail: string }> {
  try {
    return { outcome: 'pass', detail: await check.run(context) };
  } catch (error) {
    if (error instanceof CheckSkipped) return { outcome: 'skip', detail: error.message };
    if (error instanceof CheckFailed || error instanceof OperatorError) {
      return { outcome: 'fail', detail: oneLine(error) };
    }
    throw error;
  }
}

const MARKS = { pass: ['green', 'PASS'], fail: ['red', 'FAIL'], skip: ['yellow', 'SKIP'] } as const;

function lineOf({ number, name, outcome, detail }: SmokeResult): string {
  const [color, word] = MARKS[outcome];
  const mark = styleText(color, word, { stream: process.stdout });
  return `${String(number).padStart(2)} ${mark} ${name}${detail === '' ? '' : ` (${detail})`}`;
}
