import type { Command } from 'commander';
import { OperatorError } from '../../local/operator-error';
import type { RestoreOptions } from '../backup/run-restore';

export function define(program: Command): void {
  program
    .command('restore')
    .description(
      'restore a backup into an empty place, or resume a database that was restored by other means',
    )
    .argument('[file]', 'what backup wrote; without one the ledger that is there is made good')
    .option('--new-keys', 'sign with a new key, when the old ones are lost')
    .option('--unpack <folder>', 'only unpack a base backup, for a PostgreSQL server of your own')
    .option('--stack <name>', 'a stack on AWS whose database was restored; runs in its migrator')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Restores into LOGLINE_DATA, which must hold no ledger, or into the empty database of DATABASE_URL. It changes no row: the
server's transaction counter moves above every stored id, and the feed begins a new epoch, in which kept cursors continue
from the last surviving span. In the end it verifies every span and the row counts.

For a base backup of a server of your own: unpack it (--unpack), start PostgreSQL on the folder, and run this again with
DATABASE_URL.

Run it without a file after a copied data folder, a snapshot or pg_restore, when health says restore_needed; with --stack
after a snapshot or point-in-time recovery. The stack keeps answering, and spans are not verified.

Examples:
  $ LOGLINE_DATA=/srv/ledger npx logline restore ledger.backup
  $ DATABASE_URL=postgres://owner:secret@db.example:5432/logline npx logline restore ledger.backup
  $ npx logline restore ledger.base.tar.gz --unpack /var/lib/postgresql/17/main
  $ npx logline restore
  $ npx logline restore --stack prod`,
    )
    .action(async (file: string | undefined, { stack, ...options }: RestoreOptions & { stack?: string }) => {
      if (stack !== undefined) {
        if (file !== undefined || options.newKeys || options.unpack !== undefined)
          throw new OperatorError('a stack takes no file, --new-keys or --unpack', { exitCode: 2 });
        const { restoreStack } = await import('../backup/restore-stack');
        await restoreStack(stack, options);
        return;
      }
      const { runRestore } = await import('../backup/run-restore');
      await runRestore(file, options);
    });
}
