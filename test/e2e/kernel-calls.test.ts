import assert from 'node:assert/strict';
import { MAX_CALLS } from '../../local/kernel-messages';
import { KERNEL_PIPE_FD, KernelProcess } from '../../local/kernel-process';
import { silentLogger } from '../../runtime/log/logger';

const ALICE = { user: 'alice', tenant: 'acme' };

/** Kernels that are ready, answer no call, and end when they are told to stop. */
const SILENT_KERNELS = `
  const pipe = new (require('node:net').Socket)({ fd: ${KERNEL_PIPE_FD} });
  const ready = Buffer.from('    {"type":"ready"}');
  ready.writeUInt32BE(ready.length - 4);
  pipe.write(ready);
  pipe.on('data', (bytes) => bytes.includes('"stop"') && process.exit());
  pipe.on('end', () => process.exit());`;

describe('calls under way between API and kernels', () => {
  it('are 1,000 at most, and the API refuses more', async () => {
    assert.equal(MAX_CALLS, 1_000);
    const kernels = new KernelProcess({
      command: [process.execPath, '-e', SILENT_KERNELS],
      logger: silentLogger(),
      onTrouble: () => undefined,
    });
    await kernels.begin({ type: 'start', database: {}, isEmbedded: false });
    const call = () => kernels.invoke('run_code', ALICE, null);
    const pending = Array.from({ length: 1_000 }, call);
    const refused = await call();
    assert.ok(!refused.ok && /Too many runs are under way/.test(refused.error.message));
    assert.ok((refused.error.retry_after_s ?? 0) > 0);
    await kernels.stop();
    for (const outcome of await Promise.all(pending)) assert.equal(outcome.ok, false);
  });
});
