/**
 * Rules on permissions. A rule returns its violations as text; `breakIt` breaks a copy of a stack, to prove that the rule
 * detects it.
 */

import { STAND_IN_ACCOUNT } from '../../infra/stand-in-cloud';
import { KERNEL_NAMES } from '../../runtime/host/kernel-table';
import { at, listOf, ofType, recordOf, type Stack, type Subject, textsOf, the } from './subject';

/** A rule of the deployment. */
export interface Rule {
  readonly title: string;
  readonly violations: (stack: Stack) => string[];
  readonly breakIt: (stack: Stack) => void;
}

interface Statement {
  readonly effect: string;
  readonly actions: string[];
  readonly resources: string[];
  readonly condition: Record<string, unknown>;
}

export const FUNCTION = 'aws:lambda/function:Function';
const ROLE = 'aws:iam/role:Role';
const ROLE_POLICY = 'aws:iam/rolePolicy:RolePolicy';
const INGRESS = 'aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule';

/** Actions that AWS checks against nothing narrower than `*`. */
const ONLY_STAR = new Set([
  'xray:PutTraceSegments',
  'xray:PutTelemetryRecords',
  'ec2:CreateNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
]);

/** S3 calls other than reading and adding. */
const MORE_THAN_KEEPING = /^s3:(?!(GetObject|PutObject|ListBucket)$)/;

function statementsOf(policy: unknown): Statement[] {
  const document: unknown = JSON.parse(String(policy));
  return listOf(at(document, 'Statement')).map((statement) => ({
    effect: String(at(statement, 'Effect')),
    actions: textsOf(at(statement, 'Action')),
    resources: textsOf(at(statement, 'Resource')),
    condition: recordOf(at(statement, 'Condition')),
  }));
}

/** Every permission of a role: `[role name, statement]`. */
function permissions(stack: Stack): [string, Statement][] {
  return ofType(stack, ROLE_POLICY).flatMap((policy) =>
    statementsOf(policy.inputs.policy).map((statement): [string, Statement] => [
      String(policy.inputs.role),
      statement,
    ]),
  );
}

/** Logical names of the functions whose role may do `action` on a resource that contains `part`. */
function functionsThatMay(stack: Stack, action: string, part: string): string[] {
  const roles = permissions(stack)
    .filter(([, { effect, actions, resources }]) => {
      return (
        effect === 'Allow' &&
        actions.includes(action) &&
        resources.some((resource) => resource.includes(part))
      );
    })
    .map(([role]) => role);
  return ofType(stack, FUNCTION)
    .filter((item) => roles.some((role) => String(item.inputs.role).endsWith(`:${role}`)))
    .map((item) => item.name)
    .sort();
}

function same(actual: readonly string[], expected: readonly string[], what: string): string[] {
  const wanted = [...expected].sort();
  return actual.join() === wanted.join()
    ? []
    : [`${what}: ${actual.join(', ') || 'none'}; expected ${wanted.join(', ') || 'none'}`];
}

/** Adds a statement to the policy of a function. */
function grant(stack: Stack, functionName: string, statement: Record<string, unknown>): void {
  const policy = the(stack, ROLE_POLICY, functionName);
  const document = recordOf(JSON.parse(String(policy.inputs.policy)));
  document.Statement = [...listOf(document.Statement), { Effect: 'Allow', ...statement }];
  policy.inputs.policy = JSON.stringify(document);
}

function secretArn(name: string): string {
  return `:secret:secrets-${name}`;
}

const KERNELS = KERNEL_NAMES.map((name) => name.replaceAll('_', '-'));
const SERVING = [...KERNELS, 'stage0'];

export const ACCESS_RULES: readonly Rule[] = [
  {
    title: 'gives every function a role of its own',
    violations: (stack) => {
      const roles = ofType(stack, FUNCTION).map((item) => String(item.inputs.role));
      return roles.filter((role, index) => role === 'undefined' || roles.indexOf(role) !== index);
    },
    breakIt: (stack) => {
      the(stack, FUNCTION, 'stage0').inputs.role = the(stack, FUNCTION, 'run-code').inputs.role;
    },
  },
  {
    title: 'attaches no policy managed by AWS',
    violations: (stack) => [
      ...stack.resources
        .filter(({ type }) => /iam\/.*[aA]ttachment/.test(type))
        .map(({ name }) => `attachment ${name}`),
      ...ofType(stack, ROLE)
        .filter(({ inputs }) => inputs.managedPolicyArns !== undefined)
        .map(({ name }) => `role ${name}`),
    ],
    breakIt: (stack) => {
      the(stack, ROLE, 'stage0').inputs.managedPolicyArns = ['arn:aws:iam::aws:policy/AWSLambda_FullAccess'];
    },
  },
  {
    title: 'allows no action with a wildcard',
    violations: (stack) =>
      permissions(stack).flatMap(([role, { actions }]) =>
        actions.filter((action) => action.includes('*')).map((action) => `${role}: ${action}`),
      ),
    breakIt: (stack) => grant(stack, 'stage0', { Action: ['lambda:*'], Resource: 'arn:aws:lambda:x' }),
  },
  {
    title: 'allows every resource only where AWS offers nothing narrower',
    violations: (stack) =>
      permissions(stack).flatMap(([role, { effect, actions, resources }]) =>
        effect === 'Allow' && resources.includes('*')
          ? actions.filter((action) => !ONLY_STAR.has(action)).map((action) => `${role}: ${action}`)
          : [],
      ),
    breakIt: (stack) => grant(stack, 'stage0', { Action: ['sqs:SendMessage'], Resource: '*' }),
  },
  {
    title: 'denies the network calls of the Lambda service to the code of the function',
    violations: (stack) =>
      ofType(stack, FUNCTION)
        .filter((item) => !deniesNetworkToCode(the(stack, ROLE_POLICY, item.name), String(item.inputs.name)))
        .map(({ name }) => name),
    breakIt: (stack) => {
      const policy = the(stack, ROLE_POLICY, 'run-code');
      policy.inputs.policy = String(policy.inputs.policy).replace('"Deny"', '"Allow"');
    },
  },
  {
    title: 'lets a service assume a role for this account only',
    violations: (stack) =>
      ofType(stack, ROLE)
        .filter(({ inputs }) => {
          return statementsOf(inputs.assumeRolePolicy).some(
            ({ condition }) => recordOf(condition.StringEquals)['aws:SourceAccount'] !== STAND_IN_ACCOUNT,
          );
        })
        .map(({ name }) => name),
    breakIt: (stack) => {
      const role = the(stack, ROLE, 'stage0');
      role.inputs.assumeRolePolicy = String(role.inputs.assumeRolePolicy).replace(
        'aws:SourceAccount',
        'aws:UserAgent',
      );
    },
  },
  {
    title: 'lets EventBridge Scheduler assume a role for its own group only',
    violations: (stack) =>
      ofType(stack, ROLE)
        .filter(({ inputs }) => String(inputs.assumeRolePolicy).includes('scheduler.amazonaws.com'))
        .filter(
          ({ inputs }) => !String(inputs.assumeRolePolicy).includes(`"aws:SourceArn":"arn:aws:scheduler:`),
        )
        .map(({ name }) => name),
    breakIt: (stack) => {
      const role = the(stack, ROLE, 'midnight-ruler-schedule');
      role.inputs.assumeRolePolicy = String(role.inputs.assumeRolePolicy).replace(
        'aws:SourceArn',
        'aws:UserAgent',
      );
    },
  },
  {
    title: 'lets the migrator alone read the master password, and write secrets',
    violations: (stack) => [
      ...same(
        functionsThatMay(stack, 'secretsmanager:GetSecretValue', ':secret:master'),
        ['migrator'],
        'readers',
      ),
      ...same(functionsThatMay(stack, 'secretsmanager:PutSecretValue', ':secret:'), ['migrator'], 'writers'),
    ],
    breakIt: (stack) =>
      grant(stack, 'run-code', {
        Action: ['secretsmanager:GetSecretValue'],
        Resource: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:master',
      }),
  },
  {
    title: 'lets kernels alone read the password of the role that finds work, beside the migrator',
    violations: (stack) =>
      same(
        functionsThatMay(stack, 'secretsmanager:GetSecretValue', secretArn('kernel')),
        ['migrator', ...KERNELS],
        'readers',
      ),
    breakIt: (stack) =>
      grant(stack, 'stage0', {
        Action: ['secretsmanager:GetSecretValue'],
        Resource: `arn${secretArn('kernel')}`,
      }),
  },
  {
    title:
      'lets the kernel that runs user SQL read the password of guests, and the migrator, and nobody else',
    violations: (stack) =>
      same(
        functionsThatMay(stack, 'secretsmanager:GetSecretValue', secretArn('guest')),
        ['migrator', 'run-code'],
        'readers',
      ),
    breakIt: (stack) =>
      grant(stack, 'stage0', {
        Action: ['secretsmanager:GetSecretValue'],
        Resource: `arn${secretArn('guest')}`,
      }),
  },
  {
    title:
      'lets the sealer alone read the key of checkpoints and the passwords of its roles, beside the migrator',
    violations: (stack) =>
      ['sealer', 'auditor', 'checkpoint-key'].flatMap((secret) =>
        same(
          functionsThatMay(stack, 'secretsmanager:GetSecretValue', secretArn(secret)),
          ['migrator', 'sealer'],
          `readers of ${secret}`,
        ),
      ),
    breakIt: (stack) =>
      grant(stack, 'stage0', {
        Action: ['secretsmanager:GetSecretValue'],
        Resource: `arn${secretArn('checkpoint-key')}`,
      }),
  },
  {
    title:
      'lets the sealer alone write the bucket of the proofs, and the migrator the guard in it, and nobody delete there or go around the lock',
    violations: (stack) => [
      ...same(functionsThatMay(stack, 's3:PutObject', '/checkpoints/*'), ['sealer'], 'writers'),
      ...same(
        functionsThatMay(stack, 's3:PutObject', '/guard/*'),
        ['migrator', 'sealer'],
        'writers of the guard',
      ),
      ...permissions(stack)
        .filter(
          ([, { effect, actions }]) =>
            effect === 'Allow' && actions.some((action) => MORE_THAN_KEEPING.test(action)),
        )
        .map(([role]) => role),
    ],
    breakIt: (stack) =>
      grant(stack, 'sealer', { Action: ['s3:BypassGovernanceRetention'], Resource: 'arn:aws:s3:::x/*' }),
  },
  {
    title: 'lets provider_exec alone read provider keys',
    violations: (stack) => {
      const configured = ofType(stack, 'aws:secretsmanager/secret:Secret').some(
        ({ name }) => name === 'secrets-provider-keys',
      );
      const readers = functionsThatMay(stack, 'secretsmanager:GetSecretValue', secretArn('provider-keys'));
      return same(readers, configured ? ['provider-exec'] : [], 'readers');
    },
    breakIt: (stack) =>
      grant(stack, 'run-code', {
        Action: ['secretsmanager:GetSecretValue'],
        Resource: `arn${secretArn('provider-keys')}`,
      }),
  },
  {
    title: 'lets every function read the login of the functions, with the key that it is encrypted with',
    violations: (stack) => [
      ...same(
        functionsThatMay(stack, 'secretsmanager:GetSecretValue', secretArn('app')),
        ['migrator', 'sealer', ...SERVING],
        'readers',
      ),
      ...same(
        functionsThatMay(stack, 'kms:Decrypt', ':kms:'),
        ['migrator', 'sealer', ...SERVING],
        'holders of the key',
      ),
    ],
    breakIt: (stack) => {
      const policy = the(stack, ROLE_POLICY, 'observer-bot');
      policy.inputs.policy = String(policy.inputs.policy).replace('kms:Decrypt', 'kms:Encrypt');
    },
  },
  {
    title: 'opens the key through Secrets Manager only, or lets AWS itself use one for a backup',
    violations: (stack) =>
      permissions(stack)
        .filter(([, { actions }]) => actions.some((action) => action.startsWith('kms:')))
        // DescribeKey gives no access.
        .filter(([, { actions }]) => actions.join() !== 'kms:DescribeKey')
        .filter(([, { condition }]) => !viaService(condition).startsWith('secretsmanager.'))
        .filter(
          ([, { actions, condition }]) =>
            recordOf(condition.Bool)['kms:GrantIsForAWSResource'] !== 'true' ||
            actions.join() !== 'kms:CreateGrant',
        )
        .map(([role]) => role),
    breakIt: (stack) => grant(stack, 'stage0', { Action: ['kms:Decrypt'], Resource: 'arn:aws:kms:x' }),
  },
  {
    title: 'lets Stage-0 call the five kernels, request_worker two of them, and nobody else any',
    violations: (stack) =>
      ['run-code', 'observer-bot', 'request-worker', 'policy-agent', 'provider-exec'].flatMap((kernel) =>
        same(
          functionsThatMay(stack, 'lambda:InvokeFunction', `-${kernel}`),
          ['run-code', 'provider-exec'].includes(kernel) ? ['request-worker', 'stage0'] : ['stage0'],
          `callers of ${kernel}`,
        ),
      ),
    breakIt: (stack) =>
      grant(stack, 'run-code', {
        Action: ['lambda:InvokeFunction'],
        Resource: 'arn:aws:lambda:us-east-1:123456789012:function:logline-dev-provider-exec',
      }),
  },
  {
    title: 'lets nothing but the functions reach port 5432',
    violations: (stack) => [
      ...ofType(stack, INGRESS)
        .filter(({ inputs }) => inputs.referencedSecurityGroupId !== 'network-functions-id')
        .map(({ name }) => `${name} lets in ${inputsOf(stack, name)}`),
      ...ofType(stack, 'aws:ec2/securityGroup:SecurityGroup')
        .filter(({ inputs }) => listOf(inputs.ingress).length > 0)
        .map(({ name }) => `${name} has rules of its own`),
      ...ofType(stack, 'aws:rds/instance:Instance')
        .filter(
          ({ inputs }) =>
            inputs.publiclyAccessible !== false ||
            textsOf(inputs.vpcSecurityGroupIds).join() !== 'network-database-id',
        )
        .map(({ name }) => `${name} is public`),
    ],
    breakIt: (stack) => {
      const rule = the(stack, INGRESS, 'network-database-from-functions');
      rule.inputs = { ...rule.inputs, referencedSecurityGroupId: undefined, cidrIpv4: '0.0.0.0/0' };
    },
  },
  {
    title: 'lets API Gateway call Stage-0 for this API only',
    violations: (stack) =>
      ofType(stack, 'aws:lambda/permission:Permission')
        .filter(({ inputs }) => !String(inputs.sourceArn).startsWith('arn:aws:execute-api:'))
        .map(({ name }) => name),
    breakIt: (stack) => {
      the(stack, 'aws:lambda/permission:Permission', 'api').inputs.sourceArn = undefined;
    },
  },
];

function deniesNetworkToCode(policy: Subject, functionName: string): boolean {
  return statementsOf(policy.inputs.policy).some(
    ({ effect, actions, condition }) =>
      effect === 'Deny' &&
      actions.includes('ec2:CreateNetworkInterface') &&
      JSON.stringify(condition).includes(`function:${functionName}"`),
  );
}

function viaService(condition: Record<string, unknown>): string {
  return String(recordOf(condition.StringEquals)['kms:ViaService']);
}

function inputsOf(stack: Stack, name: string): string {
  return JSON.stringify(the(stack, INGRESS, name).inputs);
}
