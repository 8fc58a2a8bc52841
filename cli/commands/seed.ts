import type { Command } from 'commander';
import type { SeedCommandOptions } from '../run-seed';

export function define(program: Command): void {
  program
    .command('seed')
    .description('append manifest, kernels and midnight ruler where they are missing or changed')
    .option('--stack <name>', 'a stack on AWS, through its migrator function, which migrates as well')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
npm start does this by itself. It appends a version only where a seed changed, or where a revoked key signed the newest
one; a manifest of your own stays.

Examples:
  $ npx logline seed
  $ DATABASE_URL=postgres://owner:secret@db.example:5432/logline npx logline seed
  $ npx logline seed --stack dev`,
    )
    .action(async ({ stack, ...options }: SeedCommandOptions & { readonly stack?: string }) => {
      if (stack === undefined) {
        const { runSeed } = await import('../run-seed');
        await runSeed(options);
      } else {
        const { runMigrator } = await import('../aws/run-migrator');
        await runMigrator(stack, options.json === true);
      }
    });
}
