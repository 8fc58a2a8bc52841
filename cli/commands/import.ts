import type { Command } from 'commander';
import type { ImportOptions } from '../import/run-import';

export function define(program: Command): void {
  program
    .command('import')
    .description('check an export as an import would: digest, hashes, signatures, chains, form, conflicts')
    .argument('<file>', 'NDJSON, one span a line; .gz is unpacked, - is standard input')
    .option('--dry-run', 'only check; must be given, since nothing else is possible so far')
    .option('--url <url>', 'also compare with this running LogLine')
    .option(
      '--token <token>',
      'compares what this token may read (default: LOGLINE_TOKEN, else each owner on the local run)',
    )
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Exits with 1 and names span and fault when something would be refused. Changes nothing.

Examples:
  $ npx logline import --dry-run acme.ndjson.gz
  $ npx logline import --dry-run acme.ndjson.gz --url http://127.0.0.1:8787`,
    )
    .action(async (file: string, options: ImportOptions) => {
      const { runImport } = await import('../import/run-import');
      await runImport(file, options);
    });
}
