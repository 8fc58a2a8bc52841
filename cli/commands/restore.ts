import type { Command } from 'commander';
import { OperatorError } from '../../local/operator-error';
import type { RestoreOptions } from '../backup/run-restore';

export function define(program: Command): void {
  program
    .command('restore')
    .description(
      'put a backup into an empty place, or go on with a database that was put back by other means',
    )
    .argument('[file]', 'what backup wrote; without one the ledger that is there is made good')
    .option('--new-keys', 'sign under a new key, when the old ones are lost')
    .option('--unpack <folder>', 'only unpack a base backup, for a PostgreSQL server of your own')
    .option('--stack <name>', 'a stack on AWS whose database was put back; its migrator does it')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Into LOGLINE_DATA, which holds no ledger yet, or the empty database that DATABASE_URL names. No row is changed: the
server's transaction counter is moved above every stored id, and the feed begins a new epoch, so that cursors that
were kept go on from the last span that survived. Ends with the check of every span and of the number of rows.

A base backup of a server of your own: unpack it (--unpack), start that server on the folder, and run this again with
DATABASE_URL.

Without a file: after a copied data folder, a snapshot or pg_restore, when health says restore_needed. With --stack, after
a snapshot or point-in-time recovery: the stack goes on answering meanwhile, and it ends without the check of every span.

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
