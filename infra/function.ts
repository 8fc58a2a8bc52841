import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import { REPOSITORY_ROOT } from './bundle';
import {
  logStatement,
  networkStatements,
  policyDocument,
  type Statement,
  secretsStatements,
  tracingStatement,
  trustPolicy,
} from './iam';
import type { Names } from './names';

/** What all functions of a stack share. */
export interface FunctionPlatform {
  /** Makes the names of AWS resources. */
  readonly names: Names;
  /** Region of the stack. */
  readonly region: string;
  /** `aws`, `aws-cn` or `aws-us-gov`: part of every ARN. */
  readonly partition: string;
  /** Account of the stack. */
  readonly accountId: pulumi.Input<string>;
  /** Private subnets that the functions run in. */
  readonly subnetIds: pulumi.Input<string>[];
  /** Groups of the functions' network interfaces. */
  readonly securityGroupIds: pulumi.Input<string>[];
  /** Whether the subnets have IPv6 ranges; Lambda refuses dual stack in those that have none. */
  readonly hasIpv6: boolean;
  /** KMS key that encrypts the secrets. */
  readonly secretsKeyArn: pulumi.Input<string>;
  /** Days that logs are kept. */
  readonly logRetentionDays: number;
}

/** Creates the handler. Pulumi serialises it, so it may only `require` a layer and use strings and numbers. */
export type HandlerFactory = () => aws.lambda.Callback<unknown, unknown>;

/** Arguments of {@link LambdaFunction}. */
export interface LambdaFunctionArgs {
  /** What all functions of the stack share. */
  readonly platform: FunctionPlatform;
  /** Kernel or component name with `_`; AWS names get `-`. */
  readonly purpose: string;
  /** Shown in the AWS console. */
  readonly description: string;
  /** Makes the handler. */
  readonly factory: HandlerFactory;
  /** The layer that holds the code. */
  readonly layerArn: pulumi.Input<string>;
  /** Memory in MB, 128–10,240; processor time grows with it. */
  readonly memoryMb: number;
  /** Timeout in seconds, 1–900. */
  readonly timeoutSeconds: number;
  /** Environment variables; ARNs of secrets, never their values. */
  readonly environment: Readonly<Record<string, pulumi.Input<string>>>;
  /** Exactly the secrets that this function may read. */
  readonly secretArns: readonly pulumi.Input<string>[];
  /** Permissions besides logs, traces, network and secrets. Defaults to none. */
  readonly statements?: readonly Statement[];
  /**
   * X-Ray mode: `Active` (default) starts a trace for each call, `PassThrough` follows the caller's decision and suits
   * functions that ticks start hundreds of thousands of times a month.
   */
  readonly tracing?: 'Active' | 'PassThrough';
  /** Reserved concurrency. Defaults to none: the account's limit applies. */
  readonly concurrency?: number | undefined;
}

/** A thin handler serialises to some 260 bytes; a larger one has captured data. */
const LARGEST_HANDLER_BYTES = 1_024;
/** Pulumi's serialised function; every match after the first is something captured by value. */
const SERIALISED_PART = /^(?:function __f\d+\(|var __)/gm;

/**
 * A Lambda function: a Pulumi closure that requires its code from a layer, with a role, a log group and limits of
 * its own. `aws.lambda.CallbackFunction` would otherwise default to nine broad managed policies, 128 MB and 180 s.
 *
 * Costs nothing at rest; $0.20 per million calls and $0.0000133334 per GB-second on arm64 (us-east-1, 2026-11).
 */
export class LambdaFunction extends pulumi.ComponentResource {
  /** The function's own role. */
  readonly role: aws.iam.Role;
  /** The function's log group, with retention. */
  readonly logGroup: aws.cloudwatch.LogGroup;
  /** The AWS function itself. */
  readonly function: aws.lambda.Function;
  /** AWS name as plain text, known before deployment. */
  readonly functionName: string;
  /** Seconds after which Lambda ends a call. */
  readonly timeoutSeconds: number;

  constructor(name: string, args: LambdaFunctionArgs, opts?: pulumi.ComponentResourceOptions) {
    super('logline:infra:LambdaFunction', name, {}, opts);
    const { platform } = args;
    this.functionName = platform.names.of('function', args.purpose);
    this.timeoutSeconds = args.timeoutSeconds;
    this.logGroup = this.#createLogGroup(name, platform);
    this.role = this.#createRole(name, args);
    const policy = this.#createPolicy(name, args);
    this.function = this.#createFunction(name, args, policy);
    this.registerOutputs({ functionName: this.function.name, functionArn: this.function.arn });
  }

  #createLogGroup(name: string, platform: FunctionPlatform): aws.cloudwatch.LogGroup {
    return new aws.cloudwatch.LogGroup(
      name,
      { name: `/aws/lambda/${this.functionName}`, retentionInDays: platform.logRetentionDays },
      { parent: this },
    );
  }

  #createRole(name: string, args: LambdaFunctionArgs): aws.iam.Role {
    return new aws.iam.Role(
      name,
      {
        name: args.platform.names.of('role', args.purpose),
        description: `Execution role of ${this.functionName}`,
        assumeRolePolicy: trustPolicy('lambda.amazonaws.com', args.platform.accountId),
      },
      { parent: this },
    );
  }

  #createPolicy(name: string, args: LambdaFunctionArgs): aws.iam.RolePolicy {
    const { platform } = args;
    // Built from its parts, because the policy must exist before the function.
    const ownArn = pulumi.interpolate`arn:${platform.partition}:lambda:${platform.region}:${platform.accountId}:function:${this.functionName}`;
    return new aws.iam.RolePolicy(
      name,
      {
        role: this.role.name,
        policy: policyDocument([
          logStatement(this.logGroup.arn),
          tracingStatement(),
          ...networkStatements(ownArn),
          ...secretsStatements(args.secretArns, platform.secretsKeyArn, platform.region),
          ...(args.statements ?? []),
        ]),
      },
      { parent: this },
    );
  }

  #createFunction(
    name: string,
    args: LambdaFunctionArgs,
    policy: aws.iam.RolePolicy,
  ): aws.lambda.CallbackFunction<unknown, unknown> {
    const { platform } = args;
    return new aws.lambda.CallbackFunction(
      name,
      {
        name: this.functionName,
        // The registration waits for the check, so a handler that captured data never reaches AWS.
        description: pulumi
          .output(assertThinHandler(this.functionName, args.factory))
          .apply(() => args.description),
        callbackFactory: args.factory,
        codePathOptions: { extraExcludePackages: dependenciesOfRepository() },
        role: this.role.arn,
        runtime: aws.lambda.Runtime.NodeJS24dX,
        architectures: ['arm64'],
        memorySize: args.memoryMb,
        timeout: args.timeoutSeconds,
        ...(args.concurrency === undefined ? {} : { reservedConcurrentExecutions: args.concurrency }),
        layers: [args.layerArn],
        // With dual-stack endpoints the SDK reaches AWS over IPv6, through the egress-only gateway, which is free.
        environment: { variables: { AWS_USE_DUALSTACK_ENDPOINT: 'true', ...args.environment } },
        vpcConfig: {
          subnetIds: platform.subnetIds,
          securityGroupIds: platform.securityGroupIds,
          ipv6AllowedForDualStack: platform.hasIpv6,
        },
        tracingConfig: { mode: args.tracing ?? 'Active' },
        loggingConfig: {
          logGroup: this.logGroup.name,
          logFormat: 'JSON',
          applicationLogLevel: 'INFO',
          systemLogLevel: 'WARN',
        },
      },
      // The function needs its policy to start; without the log group Lambda would create one that never expires.
      { parent: this, dependsOn: [policy, this.logGroup] },
    );
  }
}

/**
 * Serialises a handler as the deployment does, and refuses one that captured a module by value, an Output or a secret.
 *
 * @returns its size in bytes.
 * @throws pulumi.RunError before anything is deployed.
 */
export async function assertThinHandler(functionName: string, factory: HandlerFactory): Promise<number> {
  const serialized = await pulumi.runtime.serializeFunction(factory, {
    isFactoryFunction: true,
    allowSecrets: true,
  });
  if (serialized.containsSecrets) {
    throw new pulumi.RunError(
      `the handler of ${functionName} captures a secret, which would be readable in its code; pass the ARN of the secret by environment`,
    );
  }
  const bytes = Buffer.byteLength(serialized.text);
  const parts = serialized.text.match(SERIALISED_PART)?.length ?? 0;
  if (bytes > LARGEST_HANDLER_BYTES || parts !== 1) {
    throw new pulumi.RunError(
      `the handler of ${functionName} serialises to ${bytes} bytes in ${parts} parts (allowed: ${LARGEST_HANDLER_BYTES} in one): it captures a module, an Output or data by value; ` +
        'require the module inside the handler, from its layer, and pass values by environment',
    );
  }
  return bytes;
}

/** Pulumi packs every dependency of package.json beside the handler unless told not to. All code is in layers. */
function dependenciesOfRepository(): string[] {
  const manifest: unknown = JSON.parse(readFileSync(join(REPOSITORY_ROOT, 'package.json'), 'utf8'));
  const dependencies =
    typeof manifest === 'object' && manifest !== null && 'dependencies' in manifest
      ? manifest.dependencies
      : {};
  return typeof dependencies === 'object' && dependencies !== null ? Object.keys(dependencies) : [];
}
