import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cleanUp, type LocalRun, runCommand, startLocalRun, temporaryFolder } from '../support/local-run';
import { until } from '../support/until';

/** More than 65,536, so that there are tiles of three levels. */
const LEAVES = 66_000;
const BATCH = 1_000;
/** Milliseconds; the first build fetches two modules. */
const PATIENCE_MS = 600_000;

describe('a log, walked by libraries of others', function () {
  this.timeout(2 * PATIENCE_MS);
  let data: string;
  let local: LocalRun;

  before(async function () {
    if (spawnSync('go', ['version']).status !== 0) {
      process.stderr.write('test:foreign needs Go on PATH (https://go.dev/dl/)\n');
      this.skip();
    }
    data = await temporaryFolder();
    local = await startLocalRun(data);
  });
  after(async () => {
    await local?.stop();
    if (data !== undefined) await cleanUp(data);
  });

  it('has the roots and, byte for byte, the proofs that x/mod/sumdb and transparency-dev/merkle derive', async () => {
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await runCommand(args, { env: { LOGLINE_DATA: data } });
      assert.equal(code, 0, stderr);
      return stdout.trim();
    };
    const token = await run(
      'token',
      '--user',
      'ada',
      '--tenant',
      'acme',
      '--scope',
      'spans:write timeline:read admin',
    );
    const call = (route: string, body?: unknown) =>
      fetch(`${local.url}${route}`, {
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          prefer: 'return=minimal',
        },
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      });
    for (let from = 0; from < LEAVES; from += BATCH) {
      const drafts = Array.from({ length: BATCH }, (_, at) => ({
        entity_type: 'note',
        who: 'ada',
        this: String(from + at),
      }));
      assert.equal((await call('/api/spans', drafts)).status, 201);
    }
    await until(
      'all spans are sealed',
      async () => Number((await (await call('/api/log/acme/checkpoint')).text()).split('\n')[1]) >= LEAVES,
      PATIENCE_MS,
    );
    const [vkey = ''] = (await run('checkpoint', '--vkey', '--tenant', 'acme')).split('\n');
    const { status, stdout, stderr } = spawnSync('go', ['run', '.'], {
      cwd: __dirname,
      env: { ...process.env, URL: local.url, TOKEN: token, LOG_TENANT: 'acme', VKEY: vkey },
      encoding: 'utf8',
    });
    process.stdout.write(stdout);
    assert.equal(status, 0, stderr);
  });
});
