import path from 'node:path';
import type { Command } from 'commander';

/** The launcher of every command. */
const ENTRY = path.join(__dirname, '..', 'logline.js');

export function define(program: Command): void {
  program
    .command('dev')
    .description('run the whole ledger here: database, API, scheduled kernels (the same as npm start)')
    .addHelpText(
      'after',
      `
Examples:
  $ npx logline dev
  $ PORT=9000 LOGLINE_DATA=/var/lib/logline npx logline dev
  $ DATABASE_URL=postgres://owner:secret@db.example:5432/logline npx logline dev

Ctrl-C stops it cleanly; a second one at once.`,
    )
    .action(async () => {
      const { runDev } = await import('../../local/dev');
      await runDev({
        kernels: (folder) => [process.execPath, ...process.execArgv, ENTRY, 'kernels', folder],
        print: (line) => process.stdout.write(`${line}\n`),
        warn: (line) => process.stderr.write(`logline: ${line}\n`),
      });
    });
}
