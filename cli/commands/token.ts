import type { Command } from 'commander';

interface TokenOptions {
  readonly user: string;
  readonly tenant: string;
  readonly scope: string;
  readonly ttl: string;
  readonly stack?: string;
}

export function define(program: Command): void {
  program
    .command('token')
    .description('print an API token, and nothing else')
    .requiredOption('--user <name>', 'who the token speaks for')
    .requiredOption('--tenant <name>', 'the tenant of that user')
    .option(
      '--scope <words>',
      'scopes: spans:write timeline:read execute admin',
      'spans:write timeline:read execute',
    )
    .option('--ttl <duration>', 'lifetime: 90s, 15m, 1h, 30d', '1h')
    .option('--stack <name>', 'a stack on AWS; your AWS credentials must be able to read its key')
    .addHelpText(
      'after',
      `
The token is signed with a key derived from the one in LOGLINE_DATA (.logline/keys.json) or in Secrets Manager.

Examples:
  $ npx logline token --user alice --tenant acme
  $ TOKEN=$(npx logline token --user ops --tenant acme --scope "timeline:read" --ttl 15m)
  $ npx logline token --stack dev --user alice --tenant acme`,
    )
    .action(async ({ stack, ...options }: TokenOptions) => {
      const { printToken } = await import('../print-token');
      if (stack === undefined) await printToken(options);
      else {
        const { keyOfStack } = await import('../aws/stack-access');
        await printToken(options, () => keyOfStack(stack));
      }
    });
}
