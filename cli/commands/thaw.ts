import type { Command } from 'commander';
import type { FreezeOptions } from '../freeze/run-freeze';

export function define(program: Command): void {
  program
    .command('thaw')
    .description('allow the writes of a frozen tenant again; its open work resumes')
    .requiredOption('--tenant <tenant>', 'the tenant')
    .addHelpText(
      'after',
      `
Works on the database of the local run, or on the one of DATABASE_URL.

Example:
  $ npx logline thaw --tenant acme`,
    )
    .action(async (options: FreezeOptions) => {
      const { runThaw } = await import('../freeze/run-freeze');
      await runThaw(options);
    });
}
