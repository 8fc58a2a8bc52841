import type { Command } from 'commander';
import type { VerifyCommandOptions } from '../verify/run-verify';

export function define(program: Command): void {
  program
    .command('verify')
    .description('verify every readable span, and the logs that prove that none is missing')
    .option('--url <url>', 'a running LogLine (default: the one that runs here)')
    .option(
      '--token <token>',
      'reads what this token may read (default: LOGLINE_TOKEN, else user dev of the local run)',
    )
    .option(
      '--file <file>',
      'verify an export: NDJSON, one span a line; .gz is unpacked, - is standard input',
    )
    .option(
      '--key <hex...>',
      'accept only spans signed by one of these public keys, or by keys that the key history links to it',
    )
    .option('--partial', 'with --file: entities may lack versions')
    .option('--span <file>', 'verify one span offline, with --proof and --vkey')
    .option('--proof <file>', 'its tlog-proof, as npx logline proof writes it')
    .option('--checkpoint <file...>', 'verify that one of two checkpoints continues the other, with --vkey')
    .option(
      '--vkey <key...>',
      "verifier keys of the log, and of witnesses; npx logline checkpoint --vkey prints the log's",
    )
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
The instance's keys, also retired and revoked ones, come from the key history among the spans. With --file the digest and
the log that export wrote are checked too, offline. On the local run, without --token, the logs of all tenants are
derived again from the spans and compared with every position, tile and checkpoint. With a token, the log of its tenant
is checked: the root is derived from the tiles, with scope admin from the leaves too, and every span of the tenant that
the token may read must be in it. --vkey gives the keys that checkpoints must be signed with, in place of those of
/api/keys. Exits with 1 and names span and fault when a check fails.

Examples:
  $ npx logline verify
  $ npx logline verify --url https://ledger.example --token "$TOKEN"
  $ npx logline verify --file export.ndjson.gz --key 3b6a27bc…
  $ npx logline verify --span span.json --proof span.tlog-proof --vkey "$VKEY"
  $ npx logline verify --checkpoint january.checkpoint february.checkpoint --vkey "$VKEY"`,
    )
    .action(async (options: VerifyCommandOptions) => {
      const { runVerify } = await import('../verify/run-verify');
      await runVerify(options);
    });
}
