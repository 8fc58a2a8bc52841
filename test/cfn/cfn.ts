/**
 * `npm run test:cfn`: every resource of every stack against the schemas of CloudFormation's providers, by cfn-lint, which brings
 * them along. Not part of `npm test`: it needs packages of Python.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { dryRun } from '../../infra/dry-run';
import { COMBINATIONS } from '../infra/combinations';
import { STACKS, stackOf } from '../infra/subject';
import { findPython, type PythonPackages } from '../support/python';
import { runPython } from '../support/run-python';
import { MAPPINGS } from './mappings';
import { type Resource, type Template, templateOf } from './template';

const CFN_LINT: PythonPackages = {
  folder: 'cfn-lint',
  packages: ['cfn-lint==1.58.0'],
  check: 'import cfnlint',
};
/** What CloudFormation asks of a template alone. */
const IGNORED = [
  // Whatever holds data needs UpdateReplacePolicy and DeletionPolicy; the program has `protect`.
  'I3011',
  // Zones by name: the program looks them up.
  'W3010',
];

describe('the resources of every stack, as CloudFormation has them', function () {
  this.timeout(600_000);
  let python: string;
  let dev: Template;
  const used = new Set<string>();
  before(async () => {
    const found = await findPython(CFN_LINT);
    if ('missing' in found) throw new Error(`npm run test:cfn needs ${found.missing}`);
    python = found.path;
  });

  for (const [name, options] of Object.entries({ ...STACKS, ...COMBINATIONS })) {
    it(`of ${name}`, async () => {
      const stack = await stackOf(name, await dryRun(options));
      for (const { type } of stack.resources) used.add(type);
      const template = templateOf(stack);
      if (name === 'dev') dev = template;
      const region = String(options.config?.['aws:region'] ?? 'us-east-1');
      const count = Object.keys(template.Resources).length;
      assert.ok(count > 50, `${count} resources`);
      assert.deepEqual(await lint(python, template, region), []);
    });
  }

  const broken: [string, string, Record<string, unknown>, RegExp][] = [
    ['a runtime that there is not', 'AWS::Lambda::Function', { Runtime: 'nodejs24' }, /Runtime.*nodejs24/],
    ['a property that there is not', 'AWS::SQS::Queue', { Retention: 60 }, /Retention/],
    ['a retention that CloudWatch does not have', 'AWS::Logs::LogGroup', { RetentionInDays: 31 }, /31/],
    [
      'a class that RDS does not have',
      'AWS::RDS::DBInstance',
      { DBInstanceClass: 'db.t4g.nano' },
      /db\.t4g\.nano/,
    ],
  ];
  for (const [what, type, properties, expected] of broken) {
    it(`are refused with ${what}`, async () => {
      const found = (await lint(python, changed(dev, type, properties), 'us-east-1')).join('\n');
      assert.match(found, expected);
    });
  }

  it('each have a mapping, and every mapping is used', () => {
    assert.deepEqual(
      Object.keys(MAPPINGS).filter((type) => !used.has(type)),
      [],
    );
  });
});

/** The template with more properties on all resources of a type. */
function changed(template: Template, type: string, properties: Record<string, unknown>): Template {
  const entries = Object.entries(template.Resources).map(([name, item]): [string, Resource] => [
    name,
    item.Type === type ? { ...item, Properties: { ...item.Properties, ...properties } } : item,
  ]);
  return { ...template, Resources: Object.fromEntries(entries) };
}

/** What cfn-lint finds, a line each. */
async function lint(python: string, template: Template, region: string): Promise<string[]> {
  const given = { template, region, ignored: IGNORED };
  const output = await runPython(python, join(__dirname, 'lint.py'), given);
  return output.split('\n').filter((line) => line !== '');
}
