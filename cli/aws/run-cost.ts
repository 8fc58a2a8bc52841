import { OperatorError } from '../../local/operator-error';
import { costReport, costTable } from '../cost/cost-report';
import { stackSettings } from './stack-file';

/** Options of `logline cost`. */
export interface CostOptions {
  readonly stack: string;
  readonly requests: string;
  readonly natGb: string;
  readonly json?: boolean;
}

/** Prints the cost table of a stack; works offline. */
export async function printCost(options: CostOptions): Promise<void> {
  stackSettings(options.stack);
  const usage = {
    requests: amountOf(options.requests, '--requests'),
    natGb: amountOf(options.natGb, '--nat-gb'),
  };
  const report = await costReport({ stack: options.stack, usage });
  process.stdout.write(`${options.json ? JSON.stringify(report) : costTable(report)}\n`);
}

function amountOf(text: string, name: string): number {
  const amount = Number(text);
  if (!/^\d{1,12}(\.\d+)?$/.test(text)) {
    throw new OperatorError(`${name} must be a number, got "${text}"`, { exitCode: 2 });
  }
  return amount;
}
