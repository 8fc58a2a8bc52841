import type { Command } from 'commander';
import type { ImportOptions } from '../import/run-import';

export function define(program: Command): void {
  program
    .command('import')
    .description(
      'check an export (digest, hashes, signatures, chains, form), then append its spans as they are',
    )
    .argument('<file>', 'NDJSON, one span a line; .gz is unpacked, - is standard input')
    .option('--dry-run', 'only check, and with --url compare')
    .option('--url <url>', 'the running LogLine to import to')
    .option(
      '--token <token>',
      'of tenant system with scope admin (default: LOGLINE_TOKEN, else made on the local run); a dry run compares what it may read',
    )
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Exits with 1 and names span and fault when something is refused; then nothing was imported. What spans started once
(requests, schedules, policies) is not started again; in a tenant that is frozen there, it goes on after the thaw where it was, by
the work state beside the file. Cut at any point, the same command goes on.

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
