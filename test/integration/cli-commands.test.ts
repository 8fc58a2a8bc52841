import assert from 'node:assert/strict';
import { decodeJwt } from 'jose';
import { buildProgram } from '../../cli/main';
import { dataDirectory, prepareDataDirectory } from '../../local/data-directory';
import { loadOrCreateKeys } from '../../local/keys';
import { cleanUp, runCommand, temporaryFolder } from '../support/local-run';

const STACK_TRACE = /^\s+at .+:\d+:\d+\)?$/m;

describe('npx logline', function () {
  this.timeout(60_000);
  let data: string;
  let env: Record<string, string>;

  before(async () => {
    data = await temporaryFolder();
    env = { LOGLINE_DATA: data };
    const folder = dataDirectory(env);
    await prepareDataDirectory(folder);
    await loadOrCreateKeys(folder);
  });

  after(() => cleanUp(data));

  it('explains itself without arguments', async () => {
    const { code, stdout, stderr } = await runCommand([], { env });
    assert.equal(code, 2);
    assert.match(stdout + stderr, /Usage: logline/);
  });

  // `kernels` is hidden: npm start runs it.
  for (const command of buildProgram().commands.filter((one) => one.name() !== 'kernels')) {
    it(`explains "${command.name()}" with examples and exits with 0`, async () => {
      const { code, stdout, stderr } = await runCommand([command.name(), '--help'], { env });
      assert.equal(code, 0);
      assert.equal(stderr, '');
      assert.match(stdout, new RegExp(`Usage: logline ${command.name()}`));
      assert.match(stdout, /\$ .*npx logline/);
    });

    it(`refuses an unknown option of "${command.name()}" in few words, with exit code 2`, async () => {
      const { code, stderr } = await runCommand([command.name(), '--no-such-option'], { env });
      assert.equal(code, 2);
      assert.ok(stderr.split('\n').length <= 3, stderr);
      assert.doesNotMatch(stderr, STACK_TRACE);
    });
  }

  it('prints a token and nothing else', async () => {
    const { code, stdout, stderr } = await runCommand(
      ['token', '--user', 'alice', '--tenant', 'acme', '--scope', 'timeline:read', '--ttl', '15m'],
      { env },
    );
    assert.equal(code, 0);
    assert.equal(stderr, '');
    assert.match(stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const { sub, tenant, scope, exp = 0, iat = 0 } = decodeJwt(stdout.trim());
    assert.deepEqual(
      { sub, tenant, scope, ttl: exp - iat },
      { sub: 'alice', tenant: 'acme', scope: 'timeline:read', ttl: 900 },
    );
  });

  for (const { args, code, message, elsewhere } of [
    { args: ['no-such-command'], code: 2, message: /unknown command/ },
    { args: ['token', '--user', 'alice'], code: 2, message: /--tenant/ },
    {
      args: ['token', '--user', 'a', '--tenant', 'b', '--ttl', '5'],
      code: 2,
      message: /--ttl must be a duration/,
    },
    {
      args: ['token', '--user', 'a', '--tenant', 'b', '--scope', 'all'],
      code: 2,
      message: /scope must name some of/,
    },
    { args: ['token', '--user', '', '--tenant', 'b'], code: 2, message: /sub must be/ },
    {
      args: ['token', '--user', 'a', '--tenant', 'b'],
      code: 1,
      message: /there are no keys/,
      elsewhere: true,
    },
    { args: ['verify'], code: 2, message: /no LogLine runs here/ },
    { args: ['verify', '--file', '/no/such/file'], code: 1, message: /cannot read \/no\/such\/file/ },
    { args: ['verify', '--file', 'a', '--url', 'http://b'], code: 2, message: /either --url or --file/ },
    { args: ['verify', '--url', 'nonsense'], code: 2, message: /--url must be a URL/ },
    {
      args: ['verify', '--url', 'http://127.0.0.1:1'],
      code: 1,
      message: /cannot reach http:\/\/127\.0\.0\.1:1/,
    },
    { args: ['verify', '--file', '-', '--key', 'abc'], code: 2, message: /--key must be a public key/ },
    { args: ['smoke'], code: 2, message: /no LogLine runs here/ },
    { args: ['smoke', '--url', 'http://127.0.0.1:1'], code: 2, message: /a token is needed/ },
    {
      args: ['smoke', '--url', 'http://127.0.0.1:1', '--token', 'a b'],
      code: 2,
      message: /--token must be a token/,
    },
    { args: ['connect', '--print'], code: 1, message: /no LogLine runs on/ },
    { args: ['connect', '--print'], code: 1, message: /there are no keys/, elsewhere: true },
  ]) {
    it(`answers "${args.join(' ')}"${elsewhere ? ' without keys' : ''} with one plain line and exit code ${code}`, async () => {
      const ended = await runCommand(args, { env: elsewhere ? { LOGLINE_DATA: `${data}/elsewhere` } : env });
      assert.equal(ended.code, code, ended.stderr);
      assert.match(ended.stderr, message);
      assert.doesNotMatch(ended.stderr, STACK_TRACE);
      assert.ok(!(ended.stdout + ended.stderr).includes('\u001b'), 'colours');
      assert.ok(ended.stderr.trim().split('\n').length <= 2, ended.stderr);
    });
  }
});
