import type { Command } from 'commander';
import type { MigrateCommandOptions } from '../run-migrate';

export function define(program: Command): void {
  program
    .command('migrate')
    .description('apply pending migrations to the database')
    .option('--status', 'only list the migrations; exits with 1 when one is pending or was edited')
    .option('--stack <name>', 'a stack on AWS, through its migrator function, which seeds as well')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
npm start does this by itself. Works on the ledger that runs here, or on DATABASE_URL, which must be the URL of the
schema's owner.

Examples:
  $ npx logline migrate --status
  $ DATABASE_URL=postgres://owner:secret@db.example:5432/logline npx logline migrate
  $ npx logline migrate --stack dev --status`,
    )
    .action(async ({ stack, ...options }: MigrateCommandOptions & { readonly stack?: string }) => {
      if (stack === undefined) {
        const { runMigrate } = await import('../run-migrate');
        await runMigrate(options);
      } else {
        const { runMigrator, showMigrationStatus } = await import('../aws/run-migrator');
        await (options.status ? showMigrationStatus : runMigrator)(stack, options.json === true);
      }
    });
}
