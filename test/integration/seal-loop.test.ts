import assert from 'node:assert/strict';
import { silentLogger } from '../../runtime/log/logger';
import { SealLoop } from '../../runtime/proofs/seal-loop';
import type { Sealer } from '../../runtime/proofs/sealer';
import { withClient } from '../support/sql-session';
import { createTestLog, type TestLog } from '../support/test-log';
import { until } from '../support/until';

/** Longer than a test may take: what happens is not because of a look by itself. */
const NEVER_MS = 600_000;

describe('seal loop', () => {
  let log: TestLog;
  before(async () => {
    log = await createTestLog();
  });
  after(() => log.close());

  const append = (count: number): Promise<unknown> =>
    log.stage0.writer.append(
      { user: 'alice', tenant: 'acme' },
      Array.from({ length: count }, () => ({ entity_type: 'note', who: 'alice', this: 'a thing' })),
    );

  const sizes = (): Promise<{ sealed: number; audited: number }> =>
    withClient(log.stage0.database.superuserUrl, async (client) => {
      const { rows } = await client.query(
        `SELECT coalesce((SELECT size::int FROM app.log_head), 0) AS sealed,
                coalesce((SELECT audited_size::int FROM app.log_audit), 0) AS audited`,
      );
      return rows[0];
    });

  const runLoop = async <T>(sealer: Sealer, use: (loop: SealLoop) => Promise<T>): Promise<T> => {
    const loop = new SealLoop({
      sealer,
      auditor: log.auditor,
      logger: silentLogger(),
      gatherMs: 1,
      lookMs: NEVER_MS,
    });
    try {
      return await use(loop);
    } finally {
      await loop.stop();
    }
  };

  it('seals what is committed after the round under way has looked, as soon as it is told', async () => {
    let isFirst = true;
    let loop: SealLoop | undefined;
    const sealer = log.sealer({
      async onStep(step) {
        if (step !== 'read' || !isFirst) return;
        isFirst = false;
        await append(1);
        loop?.wake();
      },
    });
    const before = (await sizes()).sealed;
    await runLoop(sealer, async (started) => {
      loop = started;
      started.start();
      await until('the span is sealed', async () => (await sizes()).sealed === before + 1);
    });
  });

  it('audits all that is sealed once there is nothing more to seal', async () => {
    // More than one look of the audit takes.
    for (let batch = 0; batch < 3; batch += 1) await append(500);
    await runLoop(log.sealer(), async (loop) => {
      loop.start();
      await until('all is audited', async () => {
        const { sealed, audited } = await sizes();
        return sealed >= 1_500 && audited === sealed;
      });
    });
    assert.deepEqual(log.mismatches, []);
  });
});
