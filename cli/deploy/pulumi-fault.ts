import { CommandError, ConcurrentUpdateError, StackNotFoundError } from '@pulumi/pulumi/automation';
import { OperatorError, oneLine } from '../../local/operator-error';

/** Installation page of the Pulumi CLI. */
export const INSTALL_PULUMI = 'https://www.pulumi.com/docs/install/';

/** The error for a missing Pulumi CLI. */
export function noPulumi(cause?: unknown): OperatorError {
  return new OperatorError(`the Pulumi CLI is not installed; see ${INSTALL_PULUMI}`, { cause });
}

/**
 * Explains a Pulumi error in one line, with advice.
 * @param said error diagnostics of the operation, if there were any
 */
export function explainPulumi(error: unknown, stack: string, said: readonly string[] = []): OperatorError {
  const text = oneLine(error);
  if (/ENOENT/.test(text) && /pulumi/.test(text)) return noPulumi(error);
  if (error instanceof ConcurrentUpdateError) {
    return new OperatorError(
      `another update of stack "${stack}" is under way, or one was ended by force; wait for it, or if there is none: pulumi cancel --stack ${stack}`,
      { cause: error },
    );
  }
  if (error instanceof StackNotFoundError) {
    return new OperatorError(
      `Pulumi knows no stack "${stack}" in its state backend; run npx logline deploy --stack ${stack}, or pulumi login to the backend that has it`,
      { cause: error },
    );
  }
  if (/passphrase/i.test(text)) {
    return new OperatorError(
      'Pulumi needs the passphrase of the stack: set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE',
      { cause: error },
    );
  }
  if (/PULUMI_ACCESS_TOKEN|pulumi login/.test(text)) {
    return new OperatorError(
      'Pulumi is not signed in to a state backend: run pulumi login, or set PULUMI_ACCESS_TOKEN or PULUMI_BACKEND_URL',
      { cause: error },
    );
  }
  return new OperatorError(`Pulumi: ${said[0] ?? lastWords(error)}`, { cause: error });
}

/** The line of a long transcript that names the error. */
function lastWords(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const named = lines.filter((line) => /^(stderr: )?error: /.test(line)).at(-1);
  if (named !== undefined) return named.replace(/^(stderr: )?error: /, '');
  return error instanceof CommandError ? (lines.at(-1) ?? text) : oneLine(error);
}
