import { OperatorError } from '../../local/operator-error';
import { openStack, readOutputs } from './pulumi-stack';

/**
 * URL of a stack's API, from the stack's outputs.
 * @throws OperatorError when there is no Pulumi CLI, no such stack, or it is not deployed
 */
export async function stackUrl(stack: string): Promise<string> {
  const url = (await readOutputs(await openStack(stack, 'select'))).apiEndpoint;
  if (url !== undefined) return url;
  throw new OperatorError(
    `stack "${stack}" has no output apiEndpoint; run npx logline deploy --stack ${stack}`,
  );
}
