import { OperatorError } from '../../local/operator-error';
import { callMigrator } from '../aws/migrator';
import { stackSettings } from '../aws/stack-file';
import { lostLines } from './run-restore';

/**
 * Goes on with a stack whose database was put back: its migrator moves the transaction counter, begins a new feed epoch, and
 * gives logs that may have lost what was signed another name. An interrupted restore goes on when this is called again.
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
      'the feed has begun a new epoch: cursors that were kept go on from the last span that survived',
      ...lostLines(restored.lost, restored.renamed_logs),
      `check it: npx logline verify --url URL with a token of each tenant`,
    ];
    process.stdout.write(json ? `${JSON.stringify(restored)}\n` : `${lines.join('\n')}\n`);
    return;
  }
}
