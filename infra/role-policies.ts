/**
 * Policies of the deploy role and the preview role, computed from the resources that the program registers.
 * `logline policy` prints them; a test checks them against every stack.
 */

import type { Need } from './need';
import { LOG_DELIVERY, NEEDS, UNNAMED } from './role-needs';
import { STAND_IN_ACCOUNT } from './stand-in-cloud';

/** A statement of an IAM policy, as AWS takes it. */
export interface PolicyStatement {
  readonly Sid: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: readonly string[];
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
  const needs = needsOf(types);
  return document([
    ...grouped(needs, scope, (need) => [...need.read, ...need.write]),
    {
      Sid: 'PassRoles',
      Effect: 'Allow',
      Action: ['iam:PassRole'],
      Resource: [filled('arn:$P:iam::$A:role/$N-*', scope)],
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
          'iam:AWSServiceName': ['rds.amazonaws.com', 'ops.apigateway.amazonaws.com'],
        },
      },
    },
    readNoSecrets(scope, ['secrets-provider-keys']),
  ]);
}

/**
 * Policy of the preview role: reads the stack's resources, and denies every secret whatever other policies allow.
 * @throws RangeError for a type that the table does not know
 */
export function previewPolicy(types: Iterable<string>, scope: PolicyScope): PolicyDocument {
  return document([...grouped(needsOf(types), scope, (need) => need.read), readNoSecrets(scope, [])]);
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
        Resource: ['app', 'kernel', 'guest', 'sealer', 'auditor', 'signing-key', 'checkpoint-key'].map(
          (name) => filled(`arn:$P:secretsmanager:$R:$A:secret:$N-secrets-${name}-*`, scope),
        ),
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
    .replace('$P', scope.partition)
    .replace('$R', scope.region)
    .replace('$A', scope.accountId ?? STAND_IN_ACCOUNT)
    .replace('$N', `${scope.project}-${scope.stack}`);
}

function document(statements: readonly PolicyStatement[]): PolicyDocument {
  return { Version: '2012-10-17', Statement: statements };
}
