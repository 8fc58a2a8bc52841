import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { StackSettings } from '../../infra/settings';
import { OperatorError } from '../../local/operator-error';
import { SCOPES } from '../../runtime/auth';
import { mintToken } from '../../runtime/auth/token';
import { type SigningKey, signingKeyFromHex } from '../../runtime/crypto';
import { SecretReader } from '../../runtime/lambda/secret-reader';
import { explainAwsError, functionFault } from './aws-error';
import { functionName, stackSettings } from './stack-file';

const TTL_SECONDS = 900;

/** A stack's configuration as its functions have it: ARNs of secrets, never their values. */
export interface StackPlaces {
  readonly signingKeySecretArn: string;
  readonly databaseSecretArn: string;
  readonly databaseHost: string;
  readonly databaseName: string;
  /** VPC of the functions, from which the database can be reached. */
  readonly vpcId: string;
  readonly subnetIds: readonly string[];
  readonly securityGroupIds: readonly string[];
}

/**
 * Sets the SDK's region to the stack's, over that of the user's profile. Credentials come from the same sources as for
 * the AWS CLI.
 */
export function useRegionOf(settings: StackSettings): void {
  process.env.AWS_REGION = settings.region;
}

/**
 * Reads the stack's places from Stage-0's environment; needs neither the Pulumi CLI nor its state.
 * @throws OperatorError when the stack is not deployed, or AWS refuses or does not answer
 */
export async function stackPlaces(settings: StackSettings): Promise<StackPlaces> {
  useRegionOf(settings);
  const name = functionName(settings, 'stage0');
  const client = new LambdaClient({ region: settings.region });
  try {
    const { Environment, VpcConfig } = await client.send(
      new GetFunctionConfigurationCommand({ FunctionName: name }),
    );
    const told = (variable: string): string => {
      const value = Environment?.Variables?.[variable];
      if (value) return value;
      throw new OperatorError(`${name} has no ${variable}; run npx logline deploy --stack ${settings.stack}`);
    };
    return {
      signingKeySecretArn: told('LOGLINE_SIGNING_KEY_SECRET_ARN'),
      databaseSecretArn: told('LOGLINE_DATABASE_SECRET_ARN'),
      databaseHost: told('LOGLINE_DATABASE_HOST'),
      databaseName: told('LOGLINE_DATABASE_NAME'),
      vpcId: VpcConfig?.VpcId ?? '',
      subnetIds: VpcConfig?.SubnetIds ?? [],
      securityGroupIds: VpcConfig?.SecurityGroupIds ?? [],
    };
  } catch (error) {
    throw functionFault(error, settings, name, 'look up');
  } finally {
    client.destroy();
  }
}

/**
 * The key that the stack signs with, from Secrets Manager; it stays in this process.
 * @throws OperatorError when it cannot be read
 */
export async function stackSigningKey(settings: StackSettings): Promise<SigningKey> {
  const { signingKeySecretArn } = await stackPlaces(settings);
  try {
    const { seed_hex: seed } = await new SecretReader().readObject(signingKeySecretArn);
    if (seed === undefined) throw new OperatorError(`the secret ${signingKeySecretArn} holds no seed_hex`);
    return signingKeyFromHex(seed);
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw explainAwsError(error, 'read the signing key of the stack');
  }
}

/** Like {@link stackSigningKey}, by the stack's name. */
export function keyOfStack(stack: string): Promise<SigningKey> {
  return stackSigningKey(stackSettings(stack));
}

/** A short-lived token with every scope, for the smoke test. */
export function mintFor(key: SigningKey, user: string, tenant: string): Promise<string> {
  return mintToken(key, { sub: user, tenant, scope: SCOPES, ttlSeconds: TTL_SECONDS });
}
