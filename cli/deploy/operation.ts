import type { Stack } from '@pulumi/pulumi/automation';
import { OperatorError } from '../../local/operator-error';
import { StopSignal } from '../../local/stop-signal';
import { elapsed, OperationProgress } from './progress';
import { explainPulumi } from './pulumi-fault';

export type Operation = 'preview' | 'up' | 'destroy';

/** Names of the operations for messages. */
const NAMES: Readonly<Record<Operation, string>> = {
  preview: 'preview',
  up: 'deployment',
  destroy: 'destruction',
};

/**
 * Runs one operation of Pulumi with live progress. Ctrl-C stops it after the resources in progress.
 * @param stackName name without project and organization
 * @returns what changed, such as `12 created`; empty for nothing
 * @throws OperatorError that says how much was done and what to run next
 */
export async function runOperation(stack: Stack, operation: Operation, stackName: string): Promise<string> {
  const progress = new OperationProgress(operation === 'preview');
  const abort = new AbortController();
  // At a terminal Ctrl-C also reaches Pulumi, which then finishes resources in progress; a second signal would abort them.
  const stop = new StopSignal(() => process.exit(130));
  void stop.requested.then(() => {
    process.stderr.write('logline: stopping after what is under way; a second Ctrl-C breaks it off\n');
    if (!process.stdin.isTTY) abort.abort();
  });
  const options = {
    onEvent: progress.take,
    color: 'never' as const,
    signal: abort.signal,
    suppressProgress: true,
  };
  try {
    if (operation === 'preview') await stack.preview(options);
    else if (operation === 'up') await stack.up(options);
    else await stack.destroy(options);
    return progress.summary();
  } catch (error) {
    progress.close();
    throw await explainEnd(error, { stack, stackName, operation, progress, isStopped: stop.isRequested });
  } finally {
    progress.close();
    stop.dispose();
  }
}

interface End {
  readonly stack: Stack;
  readonly stackName: string;
  readonly operation: Operation;
  readonly progress: OperationProgress;
  readonly isStopped: boolean;
}

async function explainEnd(error: unknown, end: End): Promise<OperatorError> {
  const { operation, stackName, progress, isStopped } = end;
  const what = isStopped ? 'was interrupted' : 'failed';
  const cause = isStopped ? '' : `${explainPulumi(error, stackName, progress.faults).message}; `;
  if (operation === 'preview') {
    return new OperatorError(`${cause}the preview ${what}; nothing was changed`, { cause: error });
  }
  const command =
    operation === 'up'
      ? `npx logline deploy --stack ${stackName}`
      : `npx logline destroy --stack ${stackName}`;
  const changes = progress.summary();
  return new OperatorError(
    `${cause}the ${NAMES[operation]} ${what} after ${elapsed(progress.elapsedMs).trim()} (${changes === '' ? 'nothing changed' : changes}). ` +
      `${await stateOf(end)} Next: ${command}, which continues from here.`,
    { cause: error },
  );
}

/** Number of resources in the state, for the message; empty when it cannot be read. */
async function stateOf({ stack }: End): Promise<string> {
  try {
    const { deployment } = await stack.exportStack();
    const resources: readonly { custom?: boolean }[] = deployment?.resources ?? [];
    const pending: readonly unknown[] = deployment?.pending_operations ?? [];
    const count = resources.filter(({ custom }) => custom === true).length;
    const open =
      pending.length === 0
        ? ''
        : ` ${pending.length} operations were broken off; pulumi refresh --clear-pending-creates --stack ${stack.name} settles them.`;
    return `The state holds ${count} resources.${open}`;
  } catch {
    return '';
  }
}
