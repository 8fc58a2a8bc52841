import type { Command } from 'commander';
import type { StatusOptions } from '../status/run-status';

export function define(program: Command): void {
  program
    .command('status')
    .description('show queue, scheduled jobs, quotas, policies, open subjects and the database')
    .option('--watch', 'again every 2 s, until Ctrl-C')
    .option('--json', 'print one JSON object, with --watch one a line')
    .addHelpText(
      'after',
      `
Of the ledger that runs here, or the one that DATABASE_URL names. It reads ids and numbers, never what spans say.

Examples:
  $ npx logline status
  $ npx logline status --watch
  $ npx logline status --json`,
    )
    .action(async (options: StatusOptions) => {
      const { runStatus } = await import('../status/run-status');
      await runStatus(options);
    });
}
