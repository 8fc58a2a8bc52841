import type { Command } from 'commander';
import type { BackupOptions } from '../backup/run-backup';

export function define(program: Command): void {
  program
    .command('backup')
    .description('write every row of the ledger, of one moment, to one file that restore takes')
    .requiredOption('--out <file>', 'where to; readable by its owner only')
    .option(
      '--with-keys',
      'put the keys in, encrypted under a passphrase (LOGLINE_BACKUP_PASSPHRASE, or asked for)',
    )
    .option('--force', 'replace the file')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Of the ledger in LOGLINE_DATA, running or not, or the one that DATABASE_URL names; read as role logline_backup. The
ledger goes on meanwhile. Ends with the check of every span, and reads the file back. Exit code 1 when a span is faulty.

Examples:
  $ npx logline backup --out ledger.backup
  $ LOGLINE_BACKUP_PASSPHRASE="$(cat passphrase)" npx logline backup --out ledger.backup --with-keys`,
    )
    .action(async (options: BackupOptions) => {
      const { runBackup } = await import('../backup/run-backup');
      await runBackup(options);
    });
}
