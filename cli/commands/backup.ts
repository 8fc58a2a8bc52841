import type { Command } from 'commander';
import { OperatorError } from '../../local/operator-error';
import type { BackupOptions } from '../backup/run-backup';

type Options = Partial<BackupOptions> & { readonly stack?: string };

export function define(program: Command): void {
  program
    .command('backup')
    .description('write a consistent snapshot of the ledger to one file, for restore')
    .option('--out <file>', 'file to write; readable by its owner only')
    .option('--stack <name>', 'start an RDS snapshot of the database of a stack on AWS instead')
    .option(
      '--with-keys',
      'include the keys, encrypted under a passphrase (LOGLINE_BACKUP_PASSPHRASE, or a prompt)',
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
Backs up the ledger in LOGLINE_DATA, running or not, or the one of DATABASE_URL, as role logline_backup. The ledger keeps
running. Verifies every span and reads the file back. Exit code 1 when a span is faulty.

--base takes PostgreSQL's base backup over the replication protocol; the role of DATABASE_URL must be a superuser or
have REPLICATION. A restore recovers to the end of the copy.

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
