import type { Command } from 'commander';
import type { VerifyCommandOptions } from '../verify/run-verify';

export function define(program: Command): void {
  program
    .command('verify')
    .description('re-check hash, signature and version chain of every span that can be read')
    .option('--url <url>', 'a running LogLine (default: the one that runs here)')
    .option(
      '--token <token>',
      'reads what this token may read (default: LOGLINE_TOKEN, else user dev of the local run)',
    )
    .option(
      '--file <file>',
      'an export instead: NDJSON, one span a line; .gz is unpacked, - is standard input',
    )
    .option(
      '--key <hex...>',
      'accept only spans signed by one of these public keys, or by keys that the key history links to it',
    )
    .option('--partial', 'with --file: entities may lack versions')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Keys that were the instance's, retired or revoked, are known from the key history among the spans.
A digest beside the file, as export writes it, is checked too.
Exits with 1 and names span and fault when anything does not hold. Works offline with --file.

Examples:
  $ npx logline verify
  $ npx logline verify --url https://ledger.example --token "$TOKEN"
  $ npx logline verify --file export.ndjson.gz --key 3b6a27bc…`,
    )
    .action(async (options: VerifyCommandOptions) => {
      const { runVerify } = await import('../verify/run-verify');
      await runVerify(options);
    });
}
