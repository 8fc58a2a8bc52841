import type { Command } from 'commander';
import { withPlace } from '../freeze/freeze-options';
import type { FreezeOptions } from '../freeze/run-freeze';

export function define(program: Command): void {
  withPlace(
    program
      .command('freeze')
      .description('stop the writes and the work of a tenant, for example to move it; reads go on')
      .requiredOption('--tenant <tenant>', 'the tenant')
      .option('--wait <seconds>', 'how long to wait for running requests (default: 60)'),
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
