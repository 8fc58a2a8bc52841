import { OperatorError } from '../../local/operator-error';
import { callMigrator } from '../aws/migrator';
import { stackSettings } from '../aws/stack-file';
import { lostLines } from './run-restore';

/**
 * Resumes a stack after its database was restored: the migrator moves the transaction counter, begins a new feed epoch,
 * and renames logs that may have lost signed leaves. Repeat the call after an interruption.
 * @throws OperatorError with the migrator's reason
 */
export async function restoreStack(stack: string, { json }: { readonly json?: boolean }): Promise<void> {
  const settings = stackSettings(stack);
  for (let left = Number.POSITIVE_INFINITY; ; ) {
    const { restored } = await callMigrator(settings, { change: 'restore' });
    if (restored === undefined || restored.ids_left >= left)
      throw new OperatorError(
        `the migrator of stack "${stack}" does not get on; see npx logline logs migrator --stack ${stack}`,
      );
    left = restored.ids_left;
    if (left > 0) {
      process.stderr.write(`moving the transaction counter: ${left} ids are left (Ctrl-C is safe)\n`);
      continue;
    }
    const lines = [
      'the feed has begun a new epoch, in which kept cursors continue from the last surviving span',
      ...lostLines(restored.lost, restored.renamed_logs),
      `check it: npx logline verify --url URL with a token of each tenant`,
    ];
    process.stdout.write(json ? `${JSON.stringify(restored)}\n` : `${lines.join('\n')}\n`);
    return;
  }
}
