import assert from 'node:assert/strict';
import * as pulumi from '@pulumi/pulumi';
import { assertThinHandler } from '../../infra/function';
import * as hashes from '../../runtime/crypto';

describe('a handler', function () {
  this.timeout(60_000);

  it('that requires its layer is a few hundred bytes', async () => {
    const bytes = await assertThinHandler('fn', () => require('logline-kernels').createHandler('run_code'));
    assert.ok(bytes < 400, `${bytes} bytes`);
  });

  it('that captures a module by value is stopped before deployment', async () => {
    const captured = hashes;
    await assert.rejects(
      assertThinHandler('fn', () => async () => captured.hex(new Uint8Array())),
      /fn serialises to \d+ bytes.*captures a module/,
    );
  });

  it('that captures a secret is stopped before deployment', async () => {
    const secret = pulumi.secret('hunter2');
    await assert.rejects(
      assertThinHandler('fn', () => async () => secret.get()),
      /fn captures a secret/,
    );
  });

  it('that captures an Output, which is undefined in a preview, is stopped before deployment', async () => {
    const output = pulumi.output('value');
    await assert.rejects(
      assertThinHandler('fn', () => async () => output.get()),
      /fn serialises to \d+ bytes/,
    );
  });
});
