/**
 * `npm run test:moto`: every resource of every stack against moto and botocore, and every policy against parliament. Not part
 * of `npm test`: it needs packages of Python.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type DryRunOptions, dryRun } from '../../infra/dry-run';
import { deployPolicy, previewPolicy } from '../../infra/role-policies';
import { COMBINATIONS } from '../infra/combinations';
import { listOf, recordOf, STACKS, type Stack, stackOf } from '../infra/subject';
import { findPython, type PythonPackages } from '../support/python';
import { runPython } from '../support/run-python';
import { describeDrills } from './drill';

const MOTO: PythonPackages = {
  folder: 'moto',
  // parliament takes pkg_resources from the last setuptools that has them.
  packages: ['moto[server]==5.2.5', 'parliament==1.6.4', 'setuptools<81', 'awscli'],
  check: 'import awscli, boto3, flask, moto, parliament',
};

let python: string;
before(async function () {
  this.timeout(300_000);
  const found = await findPython(MOTO);
  if ('missing' in found) throw new Error(`npm run test:moto needs ${found.missing}`);
  python = found.path;
});

describeDrills(() => python);

describe('the resources of every stack, replayed against moto', function () {
  this.timeout(600_000);
  const replay = async (name: string, resources: unknown): Promise<Record<string, unknown>> =>
    recordOf(JSON.parse(await runPython(python, join(__dirname, 'replay.py'), { name, resources })));

  for (const [name, options] of Object.entries({ ...STACKS, ...COMBINATIONS })) {
    it(`of ${name}, with the policies of who deploys and who previews it`, async () => {
      const stack = await stackOf(name, await dryRun(options));
      const answer = await replay(name, [...resourcesOf(stack), ...policiesOf(stack, options)]);
      process.stdout.write(
        `      ${answer.replayed} replayed, without ${listOf(answer.passed_over).join(', ')}\n`,
      );
      assert.ok(Number(answer.replayed) > 40);
      assert.deepEqual(answer.faults, []);
    });
  }

  const broken: [string, Record<string, unknown>, RegExp][] = [
    [
      'a name that is too long',
      { type: 'aws:sqs/queue:Queue', inputs: { name: 'x'.repeat(81) } },
      /Can only include alphanumeric|1 to 80/,
    ],
    [
      'an action that there is not',
      { type: 'policy', inputs: { policy: policyOf('sqs:SendMessages') } },
      /UNKNOWN_ACTION/,
    ],
    [
      'a role whose name is too long',
      {
        type: 'aws:iam/role:Role',
        inputs: { name: 'x'.repeat(65), assumeRolePolicy: policyOf('sts:AssumeRole') },
      },
      /65 characters, 64 are allowed/,
    ],
  ];
  for (const [what, resource, expected] of broken) {
    it(`are refused with ${what}`, async () => {
      const { faults } = await replay('broken', [{ name: 'broken', ...resource }]);
      assert.match(listOf(faults).join('\n'), expected);
    });
  }
});

function resourcesOf(stack: Stack): unknown[] {
  return stack.resources
    .filter(({ custom }) => custom)
    .map(({ type, name, inputs }) => ({ type, name, inputs: recordOf(inputs) }));
}

function policiesOf(stack: Stack, { stack: name, config }: DryRunOptions): unknown[] {
  const region = String(config?.['aws:region'] ?? 'us-east-1');
  const scope = { project: 'logline', stack: name, region, partition: 'aws' };
  const types = stack.resources.filter(({ custom }) => custom).map(({ type }) => type);
  return Object.entries({ deploy: deployPolicy(types, scope), preview: previewPolicy(types, scope) }).map(
    ([role, policy]) => ({ type: 'policy', name: role, inputs: { policy: JSON.stringify(policy) } }),
  );
}

function policyOf(action: string): string {
  const statement = {
    Effect: 'Allow',
    Action: [action],
    Resource: ['arn:aws:sqs:us-east-1:123456789012:queue'],
  };
  return JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
}
