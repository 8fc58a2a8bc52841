import type { Command } from 'commander';
import type { ConnectOptions } from '../open-database';

export function define(program: Command): void {
  program
    .command('connect')
    .description('open psql on the running database')
    .option('--print', 'print the URL instead')
    .option('--admin', 'as the owner of the schema instead of logline_app; local runs only')
    .addHelpText(
      'after',
      `
Row-level security applies: as logline_app set who you are first, within a transaction:
  BEGIN;
  SELECT set_config('app.user_id', 'dev', true), set_config('app.tenant_id', 'dev', true);

Examples:
  $ npx logline connect
  $ psql "$(npx logline connect --print --admin)" -c 'TABLE app.job_run'`,
    )
    .action(async (options: ConnectOptions) => {
      const { connect } = await import('../open-database');
      await connect(options);
    });
}
