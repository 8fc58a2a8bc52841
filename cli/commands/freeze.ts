import type { Command } from 'commander';
import type { FreezeOptions } from '../freeze/run-freeze';

export function define(program: Command): void {
  program
    .command('freeze')
    .description('stop the writes and the work of a tenant, such as to move it; it can still be read')
    .requiredOption('--tenant <tenant>', 'the tenant')
    .option('--wait <seconds>', 'how long requests that run are waited for (default: 60)')
    .addHelpText(
      'after',
      `
Works on the database of the local run, or on the one that DATABASE_URL names. Requests that were claimed come to their
end first. Writes then answer 503 with Retry-After.

Example:
  $ npx logline freeze --tenant acme`,
    )
    .action(async (options: FreezeOptions) => {
      const { runFreeze } = await import('../freeze/run-freeze');
      await runFreeze(options);
    });
}
