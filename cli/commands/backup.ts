import type { Command } from 'commander';
import { OperatorError } from '../../local/operator-error';
import type { BackupOptions } from '../backup/run-backup';

type Options = Partial<BackupOptions> & { readonly stack?: string };

export function define(program: Command): void {
  program
    .command('backup')
    .description('write the ledger, of one moment, to one file that restore takes')
    .option('--out <file>', 'where to; readable by its owner only')
    .option('--stack <name>', 'have RDS make a snapshot of the database of a stack on AWS instead')
    .option(
      '--with-keys',
      'put the keys in, encrypted under a passphrase (LOGLINE_BACKUP_PASSPHRASE, or asked for)',
    )
    .option(
      '--base',
      "copy the server's data folder instead of rows: faster to restore, for the same major version",
    )
    .option('--force', 'replace the file')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Of the ledger in LOGLINE_DATA, running or not, or the one that DATABASE_URL names; read as role logline_backup. The
ledger goes on meanwhile. Ends with the check of every span, and reads the file back. Exit code 1 when a span is faulty.

--base is PostgreSQL's base backup, over the replication protocol: with DATABASE_URL its role has to be a superuser or
have REPLICATION. What is restored is the moment at which the copy ended.

--stack prints the snapshot's identifier and how to restore from it; the keys stay in Secrets Manager.

Examples:
  $ npx logline backup --out ledger.backup
  $ npx logline backup --base --out ledger.base.tar.gz
  $ LOGLINE_BACKUP_PASSPHRASE="$(cat passphrase)" npx logline backup --out ledger.backup --with-keys
  $ npx logline backup --stack prod`,
    )
    .action(async ({ stack, out, ...options }: Options) => {
      if ((stack === undefined) === (out === undefined)) {
        throw new OperatorError('backup takes --out FILE, or --stack NAME', { exitCode: 2 });
      }
      if (out !== undefined) {
        const { runBackup } = await import('../backup/run-backup');
        await runBackup({ ...options, out });
      } else if (stack !== undefined) {
        if (options.withKeys || options.base || options.force) {
          throw new OperatorError('--with-keys, --base and --force go with --out', { exitCode: 2 });
        }
        const { snapshotStack } = await import('../aws/snapshot-stack');
        await snapshotStack(stack, options.json === true);
      }
    });
}
