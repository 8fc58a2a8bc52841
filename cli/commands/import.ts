import type { Command } from 'commander';
import type { ImportOptions } from '../import/run-import';

export function define(program: Command): void {
  program
    .command('import')
    .description(
      'check an export (digest, hashes, signatures, chains, form), then append its spans as they are',
    )
    .argument('<file>', 'NDJSON, one span a line; .gz is unpacked, - is standard input')
    .option('--dry-run', 'only check the file, and with --url compare it with the ledger')
    .option('--url <url>', 'the running LogLine to import to')
    .option(
      '--token <token>',
      'a token of tenant system with scope admin (default: LOGLINE_TOKEN, else minted on the local run); a dry run compares what it may read',
    )
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Exits with 1 and names span and fault when the check fails; then nothing was imported. Requests, schedules and policies
among the spans do not start again; in a frozen tenant they resume after the thaw, from the work state beside the file.
After an interruption run the same command again.

Examples:
  $ npx logline import acme.ndjson.gz --url http://127.0.0.1:8787
  $ npx logline import --dry-run acme.ndjson.gz
  $ npx logline import --dry-run acme.ndjson.gz --url http://127.0.0.1:8787`,
    )
    .action(async (file: string, options: ImportOptions) => {
      const { runImport } = await import('../import/run-import');
      await runImport(file, options);
    });
}
