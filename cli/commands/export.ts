import type { Command } from 'commander';
import type { ExportOptions } from '../export/begin-export';

export function define(program: Command): void {
  program
    .command('export')
    .description('write the spans of a tenant to a file that can be verified offline')
    .requiredOption('--tenant <name>', 'whose spans')
    .requiredOption(
      '--out <file>',
      'file ending in .ndjson or .ndjson.gz; FILE.digest.json is written beside it',
    )
    .option('--user <name...>', 'only spans that these users own; local run only')
    .option(
      '--since <timestamp>',
      'only spans of this time or later: RFC 3339, a day, or 24h for the last day',
    )
    .option('--url <url>', 'a running LogLine (default: the one that runs here)')
    .option(
      '--stack <name>',
      'a stack on AWS; with --user what these users own, else what every member of the tenant may read',
    )
    .option('--token <token>', 'export what this token may read of the tenant (default: LOGLINE_TOKEN)')
    .option('--no-log', "leave out the tenant's log, which is otherwise written to FILE.log/")
    .option('--force', 'replace the file, or restart an interrupted export')
    .option('--json', 'print the digest as one JSON object')
    .addHelpText(
      'after',
      `
Without a token, on the local run, it exports every span of the tenant, including private ones of all users, each read
with a token of its owner. With a token, it exports what that token may read. The file begins with the key history.
FILE.log/ holds the tenant's log: checkpoint, tiles and, with scope admin, leaves, in the layout of tlog-tiles
(https://c2sp.org/tlog-tiles), so that verify --file shows offline that no span is missing. Run the same command again to
resume an interrupted export. For a frozen tenant (npx logline freeze) FILE.work.ndjson holds its work state, for import
into another ledger.

Examples:
  $ npx logline export --tenant acme --out acme.ndjson.gz
  $ npx logline export --tenant acme --user alice --since 2026-01-01 --out alice.ndjson
  $ npx logline export --tenant acme --url https://ledger.example --token "$TOKEN" --out acme.ndjson.gz
  $ npx logline export --tenant acme --stack prod --out acme.ndjson.gz
  $ npx logline verify --file acme.ndjson.gz`,
    )
    .action(async (options: ExportOptions) => {
      const { runExport } = await import('../export/run-export');
      await runExport(options);
    });
}
