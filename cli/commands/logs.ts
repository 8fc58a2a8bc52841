import type { Command } from 'commander';
import { KERNEL_NAMES, kernelRow } from '../../runtime/host/kernel-table';
import type { LogsOptions } from '../logs/show-logs';

export function define(program: Command): void {
  program
    .command('logs')
    .description('print the structured log of the local run, or the logs of a stack on AWS')
    .argument(
      '[function]',
      `all, or stage0 ${KERNEL_NAMES.map((name) => kernelRow(name).alias).join(' ')} midnight migrator, or a full name`,
      'all',
    )
    .option('--stack <name>', 'a stack on AWS (default: the local run)')
    .option('--follow', 'keep printing new lines until Ctrl-C')
    .option('--since <timestamp>', 'start of the range: 10m, 2h, 2026-01-31T12:00:00Z', '10m')
    .option(
      '--filter <pattern>',
      'a text, or words such as level>=warn status=503; with --stack a pattern of CloudWatch Logs, a text as \'"like this"\'',
    )
    .option('--json', 'print one JSON object a line')
    .addHelpText(
      'after',
      `
Examples:
  $ npx logline logs
  $ npx logline logs --follow --filter 'level>=warn'
  $ npx logline logs --filter 'operation=appendSpans status>=400'
  $ npx logline logs all --stack dev --follow
  $ npx logline logs worker --stack prod --since 2h --filter '{ $.outcome = "error" }' --json`,
    )
    .action(async (word: string, options: LogsOptions) => {
      const { showLogs } = await import('../logs/show-logs');
      await showLogs(word, options);
    });
}
