import assert from 'node:assert/strict';
import { LogLineError, UnavailableError } from '../../../runtime/base/errors';
import { BootGuard } from '../../../runtime/host/boot-guard';
import { KernelFunctionStarter } from '../../../runtime/host/kernel-function-starter';
import { createTestStage0, type TestStage0 } from '../../support/test-stage0';

describe('a run that cannot be started', () => {
  let stage0: TestStage0;
  before(async () => {
    stage0 = await createTestStage0();
  });
  after(() => stage0.close());

  /** Members of a run's error, given the answers of manifest and kernel. */
  async function membersOfFailure(manifest: () => Promise<unknown>): Promise<object> {
    const guard: BootGuard = Object.assign(Object.create(BootGuard.prototype), { manifest });
    const starter = new KernelFunctionStarter({
      database: stage0.pool,
      writer: stage0.writer,
      guard,
      invoker: { invoke: () => Promise.reject(new UnavailableError('lost on the way')) },
    });
    const caller = {
      user: 'u',
      tenant: 't',
      scopes: new Set(['execute'] as const),
      tokenId: 'j',
      expiresAt: new Date(),
      isMintedHere: true,
    };
    const call = { functionId: '00000000-0000-4000-8000-00000000ffff', input: null, caller, traceId: 't' };
    const error = await starter.run(call).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof LogLineError && error.status === 503);
    return error.members;
  }

  it('is marked so that a client may retry; one with unknown outcome is not', async () => {
    const unreachable = () => Promise.reject(new UnavailableError('no database'));
    assert.deepEqual(await membersOfFailure(unreachable), { began: false });
    assert.deepEqual(await membersOfFailure(async () => ({ allowedBootIds: [] })), {});
  });
});
