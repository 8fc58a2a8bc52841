import type { Command } from 'commander';
import type { SeedCommandOptions } from '../run-seed';

export function define(program: Command): void {
  program
    .command('seed')
    .description('plant manifest, kernels and midnight ruler where they are missing or changed')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
npm start does this by itself. It adds a version only where a seed changed, or where a revoked key signed the
newest one; a manifest of your own stays.

Examples:
  $ npx logline seed
  $ DATABASE_URL=postgres://owner:secret@db.example:5432/logline npx logline seed`,
    )
    .action(async (options: SeedCommandOptions) => {
      const { runSeed } = await import('../run-seed');
      await runSeed(options);
    });
}
