import type { Command } from 'commander';

interface TokenOptions {
  readonly user: string;
  readonly tenant: string;
  readonly scope: string;
  readonly ttl: string;
}

export function define(program: Command): void {
  program
    .command('token')
    .description('print an API token, and nothing else')
    .requiredOption('--user <name>', 'who the token speaks for')
    .requiredOption('--tenant <name>', 'the tenant of that user')
    .option(
      '--scope <words>',
      'what it allows: spans:write timeline:read execute admin',
      'spans:write timeline:read execute',
    )
    .option('--ttl <duration>', 'how long it is valid: 90s, 15m, 1h, 30d', '1h')
    .addHelpText(
      'after',
      `
The token is signed with a key derived from the one in LOGLINE_DATA (.logline/keys.json).

Examples:
  $ npx logline token --user alice --tenant acme
  $ TOKEN=$(npx logline token --user ops --tenant acme --scope "timeline:read" --ttl 15m)`,
    )
    .action(async (options: TokenOptions) => {
      const { printToken } = await import('../print-token');
      await printToken(options);
    });
}
