import assert from 'node:assert/strict';
import { type DryRun, dryRun } from '../../infra/dry-run';
import { ROUTES } from '../../runtime/stage0/route-table';
import { ACCESS_RULES, type Rule } from './access-rules';
import { BACKUP_RULES, BUCKET_RULES, DATA_RULES, PROTECTED_RULES } from './data-rules';
import { EDGE_RULES } from './edge-rules';
import { OPERATION_RULES } from './operation-rules';
import { copyOf, loadStack, ofType, STACKS, type Stack } from './subject';
import { SURFACE_RULES } from './surface-rules';

const RULES: readonly Rule[] = [
  ...ACCESS_RULES,
  ...DATA_RULES,
  ...BUCKET_RULES,
  ...OPERATION_RULES,
  ...SURFACE_RULES,
];
/** Rules that hold where an option is on. */
const RULES_OF: Readonly<Record<string, readonly Rule[]>> = {
  prod: PROTECTED_RULES,
  'staging with every option': [...BACKUP_RULES, ...EDGE_RULES],
};

/** The program bundles the runtime and serialises handlers: seconds, not milliseconds. */
const PROGRAM_TIMEOUT_MS = 300_000;

describe('the deployed resources', function () {
  this.timeout(PROGRAM_TIMEOUT_MS);
  for (const name of Object.keys(STACKS)) {
    describe(`of ${name}`, () => {
      let stack: Stack;
      before(async () => {
        stack = await loadStack(name);
      });
      for (const rule of [...RULES, ...(RULES_OF[name] ?? [])]) {
        it(`${rule.title}`, () => {
          assert.deepEqual(rule.violations(stack), []);
        });
      }
    });
  }
});

describe('a resource rule notices when the program no longer', function () {
  this.timeout(PROGRAM_TIMEOUT_MS);
  const all = [['dev', RULES] as const, ...Object.entries(RULES_OF)];
  for (const [name, rules] of all) {
    for (const rule of rules) {
      it(rule.title, async () => {
        const broken = copyOf(await loadStack(name));
        rule.breakIt(broken);
        assert.notDeepEqual(rule.violations(broken), []);
      });
    }
  }
});

describe('the program', function () {
  this.timeout(PROGRAM_TIMEOUT_MS);

  it('registers the same resources with the same inputs when it runs again', async () => {
    const [first, second] = [await dryRun({ stack: 'dev' }), await dryRun({ stack: 'dev' })];
    assert.deepEqual(comparable(second), comparable(first));
  });

  it('deploys nothing that serves when a migration fails, and reports the reason', async () => {
    const registered: string[] = [];
    const failing = dryRun({
      stack: 'dev',
      onRegister: ({ type, name }) => {
        registered.push(`${type} ${name}`);
        if (type === 'aws:lambda/invocation:Invocation') {
          throw new Error('migration 000003 failed: column "x" does not exist');
        }
      },
    });
    await assert.rejects(failing, /migration 000003 failed: column "x" does not exist/);
    const serving = registered.filter((key) =>
      /Function (stage0|run-code)|EventSourceMapping|schedule:Schedule|route:Route|stage:Stage/.test(key),
    );
    assert.deepEqual(serving, []);
  });

  it('stops before it registers anything when its configuration is wrong', async () => {
    const registered: string[] = [];
    const config = { 'aws:region': 'us-east-1', 'logline:database': { instanceClass: 'huge' } };
    const run = dryRun({ stack: 'dev', config, onRegister: ({ type }) => registered.push(type) });
    await assert.rejects(run, /logline:database\.instanceClass/);
    assert.deepEqual(
      registered.filter((type) => type !== 'pulumi:pulumi:Stack'),
      [],
    );
  });

  it('has no NAT gateway, and no bill for one, unless it is asked for', async () => {
    assert.equal(ofType(await loadStack('dev'), 'aws:ec2/natGateway:NatGateway').length, 0);
    assert.equal(
      ofType(await loadStack('staging with every option'), 'aws:ec2/natGateway:NatGateway').length,
      1,
    );
  });

  it("limits Stage-0's concurrency by the database's connections, and no other function's", async () => {
    const limits = (stack: Stack) =>
      ofType(stack, 'aws:lambda/function:Function')
        .filter(({ inputs }) => inputs.reservedConcurrentExecutions !== undefined)
        .map(({ name, inputs }) => `${name} ${inputs.reservedConcurrentExecutions}`);
    // Half of the 55 connections of logline_app on db.t4g.micro, three an instance.
    assert.deepEqual(await loadStack('dev').then(limits), ['stage0 9']);
    assert.deepEqual(await loadStack('staging with every option').then(limits), ['stage0 20']);
  });

  it('lets API Gateway check tokens only by setting, and never for health', async () => {
    const checked = (stack: Stack) =>
      ofType(stack, 'aws:apigatewayv2/route:Route')
        .filter(({ inputs }) => inputs.authorizationType === 'JWT')
        .map(({ inputs }) => inputs.routeKey);
    assert.deepEqual(checked(await loadStack('dev')), []);
    const routes = checked(await loadStack('staging with every option'));
    const open = ['readHealth', 'readKeys', 'readOpenApi'];
    const guarded = ROUTES.filter(({ operation }) => !open.includes(operation));
    assert.deepEqual(routes.sort(), guarded.map(({ method, path }) => `${method} ${path}`).sort());
  });
});

/** Archives are compared by path and text, which JSON leaves out. */
function comparable(run: DryRun): unknown {
  return JSON.parse(
    JSON.stringify([...run.resources].sort((a, b) => (a.type + a.name < b.type + b.name ? -1 : 1))),
  );
}
