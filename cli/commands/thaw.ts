import type { Command } from 'commander';
import type { FreezeOptions } from '../freeze/run-freeze';

export function define(program: Command): void {
  program
    .command('thaw')
    .description('let a frozen tenant write again; its open work goes on')
    .requiredOption('--tenant <tenant>', 'the tenant')
    .addHelpText(
      'after',
      `
Works on the database of the local run, or on the one that DATABASE_URL names.

Example:
  $ npx logline thaw --tenant acme`,
    )
    .action(async (options: FreezeOptions) => {
      const { runThaw } = await import('../freeze/run-freeze');
      await runThaw(options);
    });
}
