/**
 * `logline cost`: the monthly cost of a stack, computed from the program's resources and a dated price file. An estimate:
 * nothing here was checked against a bill.
 */

import { dryRun } from '../../infra/dry-run';
import { callLines } from './call-cost';
import { type CostLine, round } from './cost-line';
import { backupLines, clusterLines, databaseLines } from './database-cost';
import prices from './prices.json';
import { FREE_TYPES, PRICED_TYPES } from './resource-types';
import type { Resources } from './resources';
import { countedLines, edgeLines, natLines, proofLines } from './standing-cost';
import { DEFAULT_USAGE, type Usage } from './usage';

/** Monthly cost of a stack. */
export interface CostReport {
  readonly stack: string;
  /** Date of the prices, `YYYY-MM-DD`. */
  readonly pricesAsOf: string;
  /** Region of the prices; other regions cost somewhat more or less. */
  readonly pricesRegion: string;
  /** False until someone has compared the price file with AWS. */
  readonly verified: boolean;
  readonly lines: readonly CostLine[];
  readonly totalUsd: number;
  /** Resources whose price is not in the price file. */
  readonly unpriced: readonly string[];
}

/**
 * Runs the program without AWS and adds up its resources.
 *
 * @param options.config stack configuration; defaults to `Pulumi.<stack>.yaml`
 */
export async function costReport(options: {
  readonly stack: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly usage?: Partial<Usage>;
}): Promise<CostReport> {
  const { resources } = await dryRun(options);
  return costOf(options.stack, resources, { ...DEFAULT_USAGE, ...options.usage });
}

/** The report for given resources. */
export function costOf(stack: string, resources: Resources, usage: Usage = DEFAULT_USAGE): CostReport {
  const unpriced = [...new Set(resources.filter(({ custom }) => custom).map(({ type }) => type))].filter(
    (type) => type.startsWith('aws:') && !FREE_TYPES.has(type) && !PRICED_TYPES.has(type),
  );
  const lines = [
    ...databaseLines(resources, unpriced),
    ...clusterLines(resources, unpriced, usage),
    ...countedLines(resources),
    ...proofLines(resources),
    ...natLines(resources, usage),
    ...backupLines(resources, usage),
    ...edgeLines(resources, usage),
    ...callLines(resources, usage),
  ].filter((line) => line.monthlyUsd >= 0.005);
  return {
    stack,
    pricesAsOf: prices.as_of,
    pricesRegion: prices.region,
    verified: prices.verified,
    lines,
    totalUsd: round(lines.reduce((sum, line) => sum + line.monthlyUsd, 0)),
    unpriced,
  };
}

/** The report as a table for a terminal. */
export function costTable(report: CostReport): string {
  const width = Math.max(...report.lines.map(({ item }) => item.length), 5);
  const row = (item: string, usd: number, basis: string) =>
    `${item.padEnd(width)}  ${usd.toFixed(2).padStart(8)}  ${basis}`;
  return [
    `${'item'.padEnd(width)}  ${'USD/month'.padStart(8)}  basis`,
    ...report.lines.map(({ item, monthlyUsd, basis }) => row(item, monthlyUsd, basis)),
    row('total', report.totalUsd, ''),
    '',
    `Stack ${report.stack}. List prices of ${report.pricesRegion}, ${report.pricesAsOf}${report.verified ? '' : ', not verified against AWS'}; free allowances not deducted.`,
    ...report.unpriced.map((type) => `Not in the price file, so not counted: ${type}`),
  ].join('\n');
}
