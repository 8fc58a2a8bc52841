import type { Command } from 'commander';
import type { ConnectOptions } from '../open-database';

export function define(program: Command): void {
  program
    .command('connect')
    .description('open psql on the running database')
    .option('--print', 'print the URL instead')
    .option('--stack <name>', 'a stack on AWS, whose database is private: prints commands to reach it')
    .option('--admin', 'as the owner of the schema instead of logline_app; local runs only')
    .addHelpText(
      'after',
      `
Row-level security applies. As logline_app, set an identity first, within a transaction:
  BEGIN;
  SELECT set_config('app.user_id', 'dev', true), set_config('app.tenant_id', 'dev', true);

Examples:
  $ npx logline connect
  $ psql "$(npx logline connect --print --admin)" -c 'TABLE app.job_run'
  $ npx logline connect --stack dev`,
    )
    .action(async ({ stack, ...options }: ConnectOptions & { readonly stack?: string }) => {
      if (stack === undefined) {
        const { connect } = await import('../open-database');
        await connect(options);
      } else {
        const { explainConnection } = await import('../aws/connect-stack');
        await explainConnection(stack);
      }
    });
}
