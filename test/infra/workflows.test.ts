import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { REPOSITORY_ROOT } from '../../infra/bundle';
import { at, listOf, recordOf } from './subject';

const FOLDER = join(REPOSITORY_ROOT, '.github/workflows');

interface Step {
  readonly run?: string;
  readonly uses?: string;
  readonly if?: string;
}

function workflow(name: string): Record<string, unknown> {
  return recordOf(parse(readFileSync(join(FOLDER, name), 'utf8')));
}

function steps(name: string, job: string): Step[] {
  return listOf(at(workflow(name), `jobs.${job}.steps`)).map((step) => recordOf(step));
}

/** Runs a step's script as GitHub does; returns its output and the outputs it sets. */
function runStep(
  script: string,
  env: Record<string, string>,
): { text: string; outputs: string; code: number | null } {
  const folder = mkdtempSync(join(tmpdir(), 'logline-workflow-'));
  try {
    const file = join(folder, 'outputs');
    const done = spawnSync('bash', ['-e', '-c', script], {
      env: { PATH: process.env.PATH ?? '', GITHUB_OUTPUT: file, ...env },
      encoding: 'utf8',
    });
    return {
      text: done.stdout + done.stderr,
      outputs: existsSync(file) ? readFileSync(file, 'utf8') : '',
      code: done.status,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('the workflows for GitHub', () => {
  it('may write nothing to the repository but comments on pull requests', () => {
    for (const name of readdirSync(FOLDER)) {
      const permissions = recordOf(workflow(name).permissions);
      assert.equal(permissions.contents, 'read', name);
      const written = Object.keys(permissions).filter((key) => permissions[key] === 'write');
      assert.ok(
        written.every((key) => ['id-token', 'pull-requests'].includes(key)),
        name,
      );
    }
  });

  it('test every push, with the script that lands changes', () => {
    assert.ok('push' in recordOf(workflow('test.yml').on));
    assert.ok(steps('test.yml', 'test').some(({ run }) => run === 'bash .ci/run'));
    assert.ok(existsSync(join(REPOSITORY_ROOT, '.ci/run')));
  });

  it('deploy main only, each environment by itself, prod after dev and after the tests', () => {
    const deploy = workflow('deploy.yml');
    assert.deepEqual(at(deploy, 'on.push.branches'), ['main']);
    for (const [job, after] of [
      ['dev', 'test'],
      ['prod', 'dev'],
    ]) {
      assert.equal(at(deploy, `jobs.${job}.needs`), after);
      assert.equal(at(deploy, `jobs.${job}.with.stack`), job);
      assert.equal(at(deploy, `jobs.${job}.uses`), './.github/workflows/deploy-stack.yml');
    }
    assert.match(String(at(workflow('deploy-stack.yml'), 'jobs.deploy.environment')), /inputs\.stack/);
  });

  for (const [name, job] of [
    ['preview.yml', 'preview'],
    ['deploy-stack.yml', 'deploy'],
  ] as const) {
    it(`skip the ${job} with a clear line when it is not configured`, () => {
      const [check, ...others] = steps(name, job);
      const script = (check?.run ?? '').replaceAll(/\$\{\{.*?\}\}/g, 'dev');
      const skipped = runStep(script, {});
      assert.equal(skipped.code, 0);
      assert.match(skipped.text, /skipped: .*ROLE_ARN PULUMI_BACKEND_URL PULUMI_CONFIG_PASSPHRASE/);
      assert.equal(skipped.outputs, 'yes=false\n');
      const all = {
        AWS_PREVIEW_ROLE_ARN: 'a',
        AWS_DEPLOY_ROLE_ARN: 'a',
        PULUMI_BACKEND_URL: 'b',
        PULUMI_CONFIG_PASSPHRASE: 'c',
      };
      assert.equal(runStep(script, all).outputs, 'yes=true\n');
      for (const step of others) {
        assert.match(step.if ?? '', /configured\.outputs\.yes == 'true'/, step.uses ?? step.run);
      }
    });
  }

  it('pin every action by commit, with its version beside it, and the Pulumi CLI by version', () => {
    for (const name of readdirSync(FOLDER)) {
      const text = readFileSync(join(FOLDER, name), 'utf8');
      for (const [, used = ''] of text.matchAll(/uses: (.*)/g)) {
        if (!used.startsWith('./')) {
          assert.match(used, /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, `${name}: ${used}`);
        }
      }
      const actions = text.match(/uses: pulumi\/actions/g)?.length ?? 0;
      assert.equal(text.match(/pulumi-version: \d+\.\d+\.\d+/g)?.length ?? 0, actions, name);
    }
  });

  it("never run a branch's code with the repository's rights", () => {
    for (const name of readdirSync(FOLDER)) {
      assert.ok(!('pull_request_target' in recordOf(workflow(name).on)), name);
    }
    const preview = workflow('preview.yml');
    assert.match(String(at(preview, 'jobs.preview.environment')), /^preview-/);
    assert.match(String(at(preview, 'jobs.preview.if')), /head\.repo\.full_name == github\.repository/);
    assert.match(String(at(preview, 'jobs.fork.if')), /head\.repo\.full_name != github\.repository/);
    assert.match(runStep(String(steps('preview.yml', 'fork')[0]?.run), {}).text, /skipped:.*fork/);
  });

  it('keep their credentials for as long as the job may run', () => {
    for (const [name, job] of [
      ['preview.yml', 'preview'],
      ['deploy-stack.yml', 'deploy'],
    ] as const) {
      const minutes = Number(at(workflow(name), `jobs.${job}.timeout-minutes`));
      const session = steps(name, job).find(({ uses }) => uses?.includes('configure-aws-credentials'));
      assert.ok(Number(at(session, 'with.role-duration-seconds')) >= minutes * 60, name);
    }
  });

  it('pass with a line when there is nothing to compare a preview with', () => {
    const script =
      steps('preview.yml', 'preview').find(({ run }) => run?.includes('pulumi stack ls'))?.run ?? '';
    const said = (stacks: string) => {
      const stub = `pulumi() { [ "$1" = login ] || echo '${stacks}'; }\n`;
      return runStep(stub + script.replaceAll(/\$\{\{.*?\}\}/g, 'dev'), { PULUMI_BACKEND_URL: 'file://' });
    };
    const first = said('[]');
    assert.equal(first.code, 0, first.text);
    assert.match(first.text, /dev was not deployed yet/);
    assert.equal(first.outputs, 'yes=false\n');
    assert.equal(said('[{"name":"organization/logline/dev"}]').outputs, 'yes=true\n');
  });

  it('get into AWS by OIDC, never with stored keys', () => {
    for (const name of readdirSync(FOLDER)) {
      assert.doesNotMatch(
        readFileSync(join(FOLDER, name), 'utf8'),
        /AWS_SECRET_ACCESS_KEY|aws-secret-access-key/i,
      );
    }
    assert.ok(
      steps('deploy-stack.yml', 'deploy').some(({ uses }) =>
        uses?.startsWith('aws-actions/configure-aws-credentials@'),
      ),
    );
  });
});
