/**
 * Policies of the deploy role and the preview role, computed from the resources that the program registers.
 * `logline policy` prints them; a test checks them against every stack.
 */

import { Names } from './names';
import type { Need } from './need';
import { LOG_DELIVERY, NEEDS, UNNAMED } from './role-needs';
import { STAND_IN_ACCOUNT } from './stand-in-cloud';

/** A statement of an IAM policy, as AWS takes it. */
export interface PolicyStatement {
  /** Unique within its policy; letters and digits. */
  readonly Sid: string;
  readonly Effect: 'Allow' | 'Deny';
  /** Actions, `service:Action`. */
  readonly Action: readonly string[];
  /** ARNs, or `*`. */
  readonly Resource: readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** A policy document. */
export interface PolicyDocument {
  readonly Version: '2012-10-17';
  readonly Statement: readonly PolicyStatement[];
}

/** The stack that a policy is for. */
export interface PolicyScope {
  /** Pulumi project: `logline`. */
  readonly project: string;
  /** Stack: `dev`. */
  readonly stack: string;
  /** Region of the stack. */
  readonly region: string;
  /** `aws`, `aws-cn` or `aws-us-gov`. */
  readonly partition: string;
  /** Account id. Defaults to the stand-in's, which the user replaces. */
  readonly accountId?: string;
  /** Whether the stack refuses to delete its bucket; by default it does not, and the bucket is emptied before. */
  readonly protect?: boolean;
  /** Where backups are copied to. Defaults to nowhere. */
  readonly copyRegion?: string;
  /** Hosted zone that gets records. Defaults to any. */
  readonly zoneId?: string;
}

/** Resource types that {@link deployPolicy} does not know. */
export function unknownTypes(types: Iterable<string>): string[] {
  return [...new Set(types)].filter((type) => type.startsWith('aws:') && NEEDS[type] === undefined);
}

/**
 * Policy of the role that runs `pulumi up` and `destroy`, for the resource types that the program registers. The role
 * also needs access to its state backend, which the program does not know.
 * @throws RangeError for a type that the table does not know
 */
export function deployPolicy(types: Iterable<string>, scope: PolicyScope): PolicyDocument {
  const all = [...types];
  return document([
    ...grouped(needsOf(all), scope, (need) => [...need.read, ...need.write]),
    ...keyStatements(all, scope),
    ...(scope.protect === true ? [] : emptyingStatements(all, scope)),
    {
      Sid: 'PassRoles',
      Effect: 'Allow',
      Action: ['iam:PassRole'],
      Resource: [filled('arn:$P:iam::$A:role/$N-$R-*', scope)],
      Condition: {
        StringEquals: {
          'iam:PassedToService': ['backup.amazonaws.com', 'lambda.amazonaws.com', 'scheduler.amazonaws.com'],
        },
      },
    },
    {
      // RDS and Lambda in a VPC need these service-linked roles once an account.
      Sid: 'ServiceRoles',
      Effect: 'Allow',
      Action: ['iam:CreateServiceLinkedRole'],
      Resource: [filled('arn:$P:iam::$A:role/aws-service-role/*', scope)],
      Condition: {
        StringEquals: {
          'iam:AWSServiceName': ['backup.amazonaws.com', 'ops.apigateway.amazonaws.com', 'rds.amazonaws.com'],
        },
      },
    },
    readNoSecrets(scope, ['secrets-provider-keys']),
  ]);
}

/** Answers that hold a secret: the header that a distribution puts on each call. A preview without a refresh asks for none. */
const REVEALING: ReadonlySet<string> = new Set(['cloudfront:GetDistribution']);

/**
 * Policy of the preview role: reads the stack's resources, and denies every secret whatever other policies allow.
 * @throws RangeError for a type that the table does not know
 */
export function previewPolicy(types: Iterable<string>, scope: PolicyScope): PolicyDocument {
  const reads = ({ service, read }: Need) => read.filter((action) => !REVEALING.has(`${service}:${action}`));
  return document([...grouped(needsOf(types), scope, reads), readNoSecrets(scope, [])]);
}

/**
 * Who has a service encrypt with a key has to be allowed to use it, through that service only
 * (RDS user guide, "Password management with Amazon RDS and AWS Secrets Manager"; AWS Backup guide, "Access control").
 */
function keyStatements(types: readonly string[], scope: PolicyScope): PolicyStatement[] {
  const through = (
    Sid: string,
    regions: readonly string[],
    services: readonly string[],
    actions: readonly string[],
  ) => ({
    Sid,
    Effect: 'Allow' as const,
    Action: actions,
    Resource: regions.map((region) => filled(`arn:$P:kms:${region}:$A:key/*`, scope)),
    Condition: {
      StringLike: {
        'kms:ViaService': regions.flatMap((region) => services.map((service) => `${service}.${region}.*`)),
      },
    },
  });
  const encrypt = ['kms:Decrypt', 'kms:GenerateDataKey'];
  const secrets = through('EncryptSecrets', [scope.region], ['rds', 'secretsmanager'], encrypt);
  if (!types.includes('aws:backup/vault:Vault')) return [secrets];
  const grants = [...encrypt, 'kms:CreateGrant', 'kms:DescribeKey', 'kms:RetireGrant'].sort();
  // The copies lie in another region.
  const regions = scope.copyRegion === undefined ? [scope.region] : [scope.region, scope.copyRegion];
  return [
    secrets,
    through('EncryptVaults', regions, ['backup'], grants),
    {
      Sid: 'MountVaults',
      Effect: 'Allow',
      Action: ['backup-storage:MountCapsule'],
      Resource: ['*'],
      Condition: {
        StringEquals: {
          'aws:RequestedRegion': scope.copyRegion === undefined ? scope.region : regions,
        },
      },
    },
  ];
}

/** Going around the lock of checkpoints, as it takes to destroy a stack that is not protected. */
function emptyingStatements(types: readonly string[], scope: PolicyScope): PolicyStatement[] {
  if (!types.includes('aws:s3/bucket:Bucket')) return [];
  return [
    {
      Sid: 'EmptyBucket',
      Effect: 'Allow',
      Action: ['s3:BypassGovernanceRetention', 's3:DeleteObject', 's3:DeleteObjectVersion'],
      Resource: [filled('arn:$P:s3:::$B*/*', scope)],
    },
  ];
}

function needsOf(types: Iterable<string>): Need[] {
  const wanted = [...new Set(types)].filter((type) => type.startsWith('aws:')).sort();
  const unknown = unknownTypes(wanted);
  if (unknown.length > 0) throw new RangeError(`no permissions are known for ${unknown.join(', ')}`);
  return [...wanted.flatMap((type) => NEEDS[type] ?? []), LOG_DELIVERY];
}

/** Denies secrets, because a branch's code runs under the role. */
function readNoSecrets(scope: PolicyScope, except: readonly string[]): PolicyStatement {
  const all: PolicyStatement = {
    Sid: 'ReadNoSecrets',
    Effect: 'Deny',
    Action: ['secretsmanager:GetSecretValue', 'secretsmanager:BatchGetSecretValue', 'ssm:GetParameter*'],
    Resource: ['*'],
  };
  return except.length === 0
    ? all
    : {
        Sid: all.Sid,
        Effect: 'Deny',
        Action: ['secretsmanager:GetSecretValue'],
        Resource: [
          ...['app', 'kernel', 'guest', 'sealer', 'auditor', 'signing-key', 'checkpoint-key'].map((name) =>
            filled(`arn:$P:secretsmanager:$R:$A:secret:$N-secrets-${name}-*`, scope),
          ),
          // The master's.
          filled('arn:$P:secretsmanager:$R:$A:secret:rds!*', scope),
        ],
      };
}

/** One statement for each set of resources of a service. */
function grouped(
  needs: readonly Need[],
  scope: PolicyScope,
  actionsOf: (need: Need) => readonly string[],
): PolicyStatement[] {
  const groups = new Map<string, { service: string; on: readonly string[]; actions: Set<string> }>();
  for (const need of needs) {
    for (const action of actionsOf(need).map((name) => `${need.service}:${name}`)) {
      const on = UNNAMED.has(action) ? ['*'] : need.on;
      const key = `${need.service} ${on.join()}`;
      const group = groups.get(key) ?? { service: need.service, on, actions: new Set() };
      group.actions.add(action);
      groups.set(key, group);
    }
  }
  return [...groups.values()].map(({ service, on, actions }, index) => ({
    Sid: `${service.charAt(0).toUpperCase()}${service.slice(1)}${index}`,
    Effect: 'Allow',
    Action: [...actions].sort(),
    Resource: on.map((arn) => filled(arn, scope)),
    // Where names cannot restrict a call, the region does.
    ...(on.includes('*') ? { Condition: { StringEquals: { 'aws:RequestedRegion': scope.region } } } : {}),
  }));
}

function filled(arn: string, scope: PolicyScope): string {
  return arn
    .replace('$B', new Names(scope).bucketPrefix('proofs'))
    .replace('$Z', scope.zoneId ?? '*')
    .replace('$P', scope.partition)
    .replace('$R', scope.region)
    .replace('$A', scope.accountId ?? STAND_IN_ACCOUNT)
    .replace('$N', `${scope.project}-${scope.stack}`);
}

function document(statements: readonly PolicyStatement[]): PolicyDocument {
  return { Version: '2012-10-17', Statement: statements };
}
