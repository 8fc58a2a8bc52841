import type { Command } from 'commander';
import type { SmokeOptions } from '../smoke/run-smoke';

export function define(program: Command): void {
  program
    .command('smoke')
    .description('check a running ledger end to end: append, read, verify, tenants, functions, schedule')
    .option('--url <url>', 'a running LogLine (default: the one that runs here)')
    .option(
      '--token <token>',
      'a token with spans:write timeline:read execute (default: LOGLINE_TOKEN, else user dev of the local run)',
    )
    .option('--stack <name>', 'a stack on AWS, with tokens signed by its key')
    .option('--other-token <token>', 'a token of another tenant, to check the tenant boundary')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
It appends a few spans, which stay: the ledger is append-only. Exits with 1 when a check fails.

Examples:
  $ npx logline smoke
  $ npx logline smoke --url https://ledger.example --token "$TOKEN" --other-token "$OTHER"
  $ npx logline smoke --stack dev`,
    )
    .action(async ({ stack, ...options }: SmokeOptions & { readonly stack?: string }) => {
      const { runSmoke } = await import('../smoke/run-smoke');
      if (stack === undefined) await runSmoke(options);
      else {
        const { smokeStack } = await import('../smoke/smoke-stack');
        await runSmoke(await smokeStack(stack, options));
      }
    });
}
