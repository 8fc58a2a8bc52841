/**
 * Policy documents. One statement per need, each as narrow as AWS allows; where only `*` is offered as resource,
 * the reason stands beside it.
 */

import * as pulumi from '@pulumi/pulumi';

/** One statement of a policy. */
export interface Statement {
  /** Unique within its policy; letters and digits. */
  readonly Sid: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: readonly string[];
  readonly Resource: pulumi.Input<string> | pulumi.Input<string>[];
  readonly Condition?: Readonly<
    Record<string, Readonly<Record<string, pulumi.Input<string> | readonly string[]>>>
  >;
}

/** A policy as JSON text, once its parts are known. */
export function policyDocument(statements: readonly Statement[]): pulumi.Output<string> {
  return pulumi.jsonStringify({ Version: '2012-10-17', Statement: [...statements] });
}

/**
 * Lets one AWS service assume a role, for this account only: without the condition, another account's resource
 * could make the service act with our role (the "confused deputy", IAM user guide).
 *
 * @param sourceArn narrows it further where the service says which resource it acts for
 */
export function trustPolicy(
  service: string,
  accountId: pulumi.Input<string>,
  sourceArn?: pulumi.Input<string>,
): pulumi.Output<string> {
  return pulumi.jsonStringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: service },
        Action: 'sts:AssumeRole',
        Condition: {
          StringEquals: { 'aws:SourceAccount': accountId },
          ...(sourceArn === undefined ? {} : { ArnLike: { 'aws:SourceArn': sourceArn } }),
        },
      },
    ],
  });
}

/** Lets a function write to its own log group. The group exists already, so creating one is not allowed. */
export function logStatement(logGroupArn: pulumi.Input<string>): Statement {
  return {
    Sid: 'WriteOwnLogs',
    Effect: 'Allow',
    Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    Resource: pulumi.interpolate`${logGroupArn}:*`,
  };
}

/** Lets a function send its traces. */
export function tracingStatement(): Statement {
  return {
    Sid: 'SendTraces',
    Effect: 'Allow',
    Action: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'],
    // X-Ray has no resource type for segments: AWS accepts nothing but * here.
    Resource: '*',
  };
}

/** What Lambda needs to place a function in a VPC. */
const NETWORK_INTERFACE_ACTIONS = [
  'ec2:CreateNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
] as const;

/**
 * Lets the Lambda service attach a function to the VPC, and denies the same calls to the function's own code, as the
 * Lambda guide advises ("Giving Lambda functions access to resources in an Amazon VPC").
 */
export function networkStatements(functionArn: pulumi.Input<string>): readonly Statement[] {
  return [
    {
      Sid: 'AttachToVpc',
      Effect: 'Allow',
      Action: NETWORK_INTERFACE_ACTIONS,
      // Lambda checks these calls against * when the function is created; it refuses a narrower resource.
      Resource: '*',
    },
    {
      Sid: 'CodeMayNotTouchTheNetwork',
      Effect: 'Deny',
      Action: NETWORK_INTERFACE_ACTIONS,
      Resource: '*',
      Condition: { ArnEquals: { 'lambda:SourceFunctionArn': functionArn } },
    },
  ];
}

/** Lets a function read exactly the listed secrets and use the key that encrypts them. */
export function secretsStatements(
  secretArns: readonly pulumi.Input<string>[],
  keyArn: pulumi.Input<string>,
  region: string,
): readonly Statement[] {
  if (secretArns.length === 0) {
    return [];
  }
  return [
    {
      Sid: 'ReadSecrets',
      Effect: 'Allow',
      Action: ['secretsmanager:GetSecretValue'],
      Resource: [...secretArns],
    },
    {
      Sid: 'DecryptSecrets',
      Effect: 'Allow',
      Action: ['kms:Decrypt'],
      Resource: keyArn,
      // Through Secrets Manager only: the key decrypts no ciphertext that a caller brings.
      Condition: { StringEquals: { 'kms:ViaService': secretsManagerOf(region) } },
    },
  ];
}

/** Secrets Manager as KMS names it; in China both spellings are in use. */
function secretsManagerOf(region: string): string | readonly string[] {
  const name = `secretsmanager.${region}.amazonaws.com`;
  return region.startsWith('cn-') ? [name, `${name}.cn`] : name;
}

/** Lets the migrator write secrets: first values and rotated ones. */
export function keepStatements(
  secretArns: readonly pulumi.Input<string>[],
  keyArn: pulumi.Input<string>,
  region: string,
): readonly Statement[] {
  return [
    {
      Sid: 'WriteSecrets',
      Effect: 'Allow',
      Action: ['secretsmanager:PutSecretValue'],
      Resource: [...secretArns],
    },
    {
      Sid: 'EncryptSecrets',
      Effect: 'Allow',
      Action: ['kms:GenerateDataKey'],
      Resource: keyArn,
      Condition: { StringEquals: { 'kms:ViaService': secretsManagerOf(region) } },
    },
  ];
}

/** Lets a function read and write folders of the proofs bucket, without the right to delete. */
export function bucketStatements(
  bucketArn: pulumi.Output<string>,
  folders: readonly string[],
): readonly Statement[] {
  return [
    {
      Sid: 'KeepCheckpoints',
      Effect: 'Allow',
      Action: ['s3:GetObject', 's3:PutObject'],
      Resource: folders.map((folder) => pulumi.interpolate`${bucketArn}/${folder}/*`),
    },
    {
      // Without it S3 answers 403 instead of 404 for a missing object.
      Sid: 'TellMissingFromForbidden',
      Effect: 'Allow',
      Action: ['s3:ListBucket'],
      Resource: bucketArn,
    },
  ];
}

/** Lets a function call other functions. */
export function invokeStatements(functionArns: readonly pulumi.Input<string>[]): readonly Statement[] {
  return functionArns.length === 0
    ? []
    : [
        {
          Sid: 'CallFunctions',
          Effect: 'Allow',
          Action: ['lambda:InvokeFunction'],
          Resource: [...functionArns],
        },
      ];
}

/** Lets an event source mapping take messages from a queue on behalf of the function. */
export function consumeStatement(queueArn: pulumi.Input<string>): Statement {
  return {
    Sid: 'ConsumeTicks',
    Effect: 'Allow',
    Action: [
      'sqs:ReceiveMessage',
      'sqs:DeleteMessage',
      'sqs:GetQueueAttributes',
      'sqs:ChangeMessageVisibility',
    ],
    Resource: queueArn,
  };
}
