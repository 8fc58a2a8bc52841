import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { type HttpHost, openHttpHost } from '../../local/http-host';
import { findPython } from '../support/python';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

const CLIENT = path.resolve(__dirname, '..', '..', 'clients', 'python');

describe('the Python client', function () {
  this.timeout(180_000);
  let stage0: TestStage0;
  let host: HttpHost;
  before(async () => {
    stage0 = await createTestStage0();
    host = await openHttpHost(0, '127.0.0.1');
    host.serve(stage0.fetch);
  });
  after(async () => {
    await host?.close(0);
    await stage0?.close();
  });

  it('appends, queues, follows and verifies, against a ledger and on its vectors', async function () {
    const python = await findPython();
    if ('missing' in python) {
      console.log(`      needs ${python.missing}`);
      this.skip();
    }
    const env = {
      ...process.env,
      PYTHONPATH: path.join(CLIENT, 'src'),
      PYTHONDONTWRITEBYTECODE: '1',
      LOGLINE_URL: host.url,
      LOGLINE_TOKEN: await stage0.token('python', 'acme'),
    };
    const child = spawn(python.path, ['-m', 'unittest', 'discover', '-s', path.join(CLIENT, 'tests')], {
      env,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk;
      });
    }
    const code = await new Promise((resolve) => child.once('close', resolve));
    assert.equal(code, 0, output);
    assert.match(output, /Ran \d+ tests[\s\S]*\nOK\n$/);
  });
});
