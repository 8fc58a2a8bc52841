import { fullyQualifiedStackName, LocalWorkspace, type Stack } from '@pulumi/pulumi/automation';
import { REPOSITORY_ROOT } from '../../infra/bundle';
import { textMember } from '../ledger-api';
import { explainPulumi } from './pulumi-fault';

/** Outputs of a deployed stack, without secrets. */
export interface StackOutputs {
  readonly apiEndpoint: string | undefined;
  readonly publicKeyHex: string | undefined;
  readonly dashboardUrl: string | undefined;
}

/**
 * Opens a stack of this project with the Pulumi CLI.
 * @param mode `create` makes the stack when the state backend has none
 * @throws OperatorError when there is no CLI, no backend, or no such stack
 */
export async function openStack(stackName: string, mode: 'create' | 'select'): Promise<Stack> {
  // A bare stack name belongs to the user's own account; PULUMI_ORG selects an organization.
  const organization = process.env.PULUMI_ORG;
  const name = organization ? fullyQualifiedStackName(organization, 'logline', stackName) : stackName;
  const args = { stackName: name, workDir: REPOSITORY_ROOT };
  const options = { envVars: { PULUMI_SKIP_UPDATE_CHECK: 'true' } };
  try {
    return await (mode === 'create'
      ? LocalWorkspace.createOrSelectStack(args, options)
      : LocalWorkspace.selectStack(args, options));
  } catch (error) {
    throw explainPulumi(error, stackName);
  }
}

/** @throws OperatorError when they cannot be read */
export async function readOutputs(stack: Stack): Promise<StackOutputs> {
  let found: Awaited<ReturnType<Stack['outputs']>>;
  try {
    found = await stack.outputs();
  } catch (error) {
    throw explainPulumi(error, stack.name);
  }
  const plain = Object.fromEntries(
    Object.entries(found)
      .filter(([, { secret }]) => !secret)
      .map(([key, { value }]) => [key, value]),
  );
  return {
    apiEndpoint: textMember(plain, 'apiEndpoint'),
    publicKeyHex: textMember(plain, 'publicKeyHex'),
    dashboardUrl: textMember(plain, 'dashboardUrl'),
  };
}
