import type { Command } from 'commander';
import type { FreezeOptions } from '../freeze/run-freeze';

export function define(program: Command): void {
  program
    .command('freeze')
    .description('stop the writes and the work of a tenant, for example to move it; reads go on')
    .requiredOption('--tenant <tenant>', 'the tenant')
    .option('--wait <seconds>', 'how long to wait for running requests (default: 60)')
    .option('--url <url>', 'use the API of this LogLine, as the operator')
    .option('--stack <stack>', 'use the API of a stack on AWS, as the operator')
    .option(
      '--token <token>',
      'of tenant system with scope admin, for --url (default: LOGLINE_TOKEN, else made with the key of the local run or of --stack)',
    )
    .addHelpText(
      'after',
      `
Works on the database of the local run, or on the one of DATABASE_URL; with --url or --stack it uses the API. Claimed
requests end first; then writes answer 503 with Retry-After.

Examples:
  $ npx logline freeze --tenant acme
  $ npx logline freeze --tenant acme --stack prod`,
    )
    .action(async (options: FreezeOptions) => {
      const { runFreeze } = await import('../freeze/run-freeze');
      await runFreeze(options);
    });
}
