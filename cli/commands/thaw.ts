import type { Command } from 'commander';
import type { FreezeOptions } from '../freeze/run-freeze';

export function define(program: Command): void {
  program
    .command('thaw')
    .description('allow the writes of a frozen tenant again; its open work resumes')
    .requiredOption('--tenant <tenant>', 'the tenant')
    .option('--url <url>', 'use the API of this LogLine, as the operator')
    .option('--stack <stack>', 'use the API of a stack on AWS, as the operator')
    .option(
      '--token <token>',
      'of tenant system with scope admin, for --url (default: LOGLINE_TOKEN, else made with the key of the local run or of --stack)',
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
