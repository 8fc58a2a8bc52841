import type { StackSettings } from '../../infra/settings';
import { OperatorError } from '../../local/operator-error';
import { useRegionOf } from '../aws/stack-access';
import { stackSettings } from '../aws/stack-file';
import { ask } from './ask';
import { runOperation } from './operation';
import { openStack } from './pulumi-stack';

/** Options of `logline destroy`. */
export interface DestroyOptions {
  readonly stack: string;
  /** The stack's name, as confirmation in place of the prompt. */
  readonly yes?: string;
  readonly really?: boolean;
}

/**
 * Deletes a stack with everything in it, including the ledger.
 * @throws OperatorError when it is not confirmed, or fails
 */
export async function destroy(options: DestroyOptions): Promise<void> {
  const settings = stackSettings(options.stack);
  requireMeant(options, settings);
  useRegionOf(settings);
  if (options.yes === undefined) await confirm(options.stack);
  const stack = await openStack(options.stack, 'select');
  const changes = await runOperation(stack, 'destroy', options.stack);
  process.stdout.write(
    `\n${changes === '' ? 'There was nothing to delete.' : `Stack "${options.stack}": ${changes}.`}\n` +
      `What is left: Pulumi.${options.stack}.yaml, the empty stack (pulumi stack rm ${options.stack}), the encryption key for its waiting period${settings.database.finalSnapshot ? ', and the final snapshot of the database' : ''}.\n`,
  );
}

/** Checks confirmation and protection without a call to AWS. */
export function requireMeant(options: DestroyOptions, settings: StackSettings): void {
  const { stack, yes, really } = options;
  if (yes !== undefined && yes !== stack) {
    throw new OperatorError(`--yes must repeat the stack's name ("${stack}"), got "${yes}"`, { exitCode: 2 });
  }
  const isGuarded = settings.protect || /^(prod|production|live)(-|$)/.test(stack);
  if (isGuarded && !really) {
    throw new OperatorError(
      `stack "${stack}" is ${settings.protect ? 'protected' : 'a production stack'}; export it first (npx logline export), and say --really if it shall go`,
    );
  }
  // Pulumi and RDS refuse to delete what is protected, and would stop half-way.
  if (settings.protect) {
    throw new OperatorError(
      `stack "${stack}" is protected: set logline:protect to false in Pulumi.${stack}.yaml, run npx logline deploy --stack ${stack}, and then destroy it with --really`,
    );
  }
  if (yes === undefined && !process.stdin.isTTY) {
    throw new OperatorError(
      `destroying without a terminal to ask at needs --yes ${stack} (the stack's name again)`,
      { exitCode: 2 },
    );
  }
}

async function confirm(stack: string): Promise<void> {
  process.stdout.write(
    `This deletes stack "${stack}" with its database, keys and logs. It cannot be undone.\n`,
  );
  if (!(await ask(`Type the stack's name to continue: `, stack))) {
    throw new OperatorError('not destroyed; nothing was changed');
  }
}
