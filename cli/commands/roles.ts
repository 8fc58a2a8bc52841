import type { Command } from 'commander';

export function define(program: Command): void {
  program
    .command('roles')
    .description('print the database roles as SQL, for a superuser to run first')
    .requiredOption('--print', 'print the SQL file')
    .addHelpText(
      'after',
      `
Only needed on a server of your own where the schema's owner lacks CREATEROLE. Passwords are those of keys.json in
LOGLINE_DATA, as SCRAM verifiers; LOGLINE_ROLE_PREFIX replaces logline in the roles' names.

Example:
  $ npx logline roles --print | psql postgres://postgres@db.example/ledger`,
    )
    .action(async () => {
      const { printRoles } = await import('../print-roles');
      await printRoles();
    });
}
