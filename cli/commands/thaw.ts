import type { Command } from 'commander';
import { withPlace } from '../freeze/freeze-options';
import type { FreezeOptions } from '../freeze/run-freeze';

export function define(program: Command): void {
  withPlace(
    program
      .command('thaw')
      .description('allow the writes of a frozen tenant again; its open work resumes')
      .requiredOption('--tenant <tenant>', 'the tenant'),
  )
    .addHelpText(
      'after',
      `
Works on the database of the local run, or on the one of DATABASE_URL; with --url or --stack it uses the API.

Examples:
  $ npx logline thaw --tenant acme
  $ npx logline thaw --tenant acme --stack prod`,
    )
    .action(async (options: FreezeOptions) => {
      const { runThaw } = await import('../freeze/run-freeze');
      await runThaw(options);
    });
}
