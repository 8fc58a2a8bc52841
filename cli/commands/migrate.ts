import type { Command } from 'commander';
import type { MigrateCommandOptions } from '../run-migrate';

export function define(program: Command): void {
  program
    .command('migrate')
    .description('bring the schema of the database up to date')
    .option('--status', 'only list the migrations; exits with 1 when one is pending or was edited')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
npm start does this by itself. For the ledger that runs here, or the server that DATABASE_URL names, which then
must be the URL of the owner of the schema.

Examples:
  $ npx logline migrate --status
  $ DATABASE_URL=postgres://owner:secret@db.example:5432/logline npx logline migrate`,
    )
    .action(async (options: MigrateCommandOptions) => {
      const { runMigrate } = await import('../run-migrate');
      await runMigrate(options);
    });
}
