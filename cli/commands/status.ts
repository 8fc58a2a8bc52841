import type { Command } from 'commander';
import { OperatorError } from '../../local/operator-error';
import type { StatusOptions } from '../status/run-status';

interface StackChoice {
  readonly stack?: string;
  readonly tenant?: string;
}

export function define(program: Command): void {
  program
    .command('status')
    .description('show queue, scheduled jobs, quotas, policies, open subjects and the database')
    .option('--stack <name>', 'a tenant of a stack on AWS, from its API')
    .option('--tenant <name>', 'which tenant of the stack (default: system)')
    .option('--watch', 'refresh every 2 s until Ctrl-C')
    .option('--json', 'print one JSON object, with --watch one a line')
    .addHelpText(
      'after',
      `
Reads the ledger that runs here, or the one of DATABASE_URL: ids and numbers only, no content of spans.

Examples:
  $ npx logline status
  $ npx logline status --watch
  $ npx logline status --json
  $ npx logline status --stack prod --tenant acme`,
    )
    .action(async ({ stack, tenant, ...options }: StatusOptions & StackChoice) => {
      if (stack === undefined && tenant !== undefined) {
        throw new OperatorError('--tenant needs --stack', { exitCode: 2 });
      }
      if (stack !== undefined) {
        if (options.watch) throw new OperatorError('--watch is for local runs', { exitCode: 2 });
        const { showStackStatus } = await import('../status/stack-status');
        await showStackStatus({ stack, ...(tenant === undefined ? {} : { tenant }), ...options });
        return;
      }
      const { runStatus } = await import('../status/run-status');
      await runStatus(options);
    });
}
