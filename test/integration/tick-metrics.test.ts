import assert from 'node:assert/strict';
import { runJob } from '../../runtime/host/job-runner';
import { SCHEDULE } from '../../runtime/host/schedule';
import { silentLogger } from '../../runtime/log/logger';
import type { Measurement } from '../../runtime/log/metrics';
import { createTestKernels, type TestKernels } from '../support/test-kernels';

describe('ticks are measured', () => {
  let kernels: TestKernels;
  before(async () => {
    kernels = await createTestKernels();
  });
  after(() => kernels?.close());

  /** Runs a job as in Lambda and returns its metrics. */
  async function measured(kernel: 'works' | 'fails'): Promise<Measurement[]> {
    const job = SCHEDULE.find((one) => one.job === 'observer_bot');
    assert.ok(job);
    const measurements: Measurement[] = [];
    const metrics = { put: (measurement: Measurement) => void measurements.push(measurement) };
    const host =
      kernel === 'works'
        ? kernels.host
        : { run: () => Promise.reject(new Error('the kernel does not boot')) };
    await runJob({ kernelDatabase: kernels.kernelDatabase, host, logger: silentLogger(), metrics }, job, {
      trigger: 'schedule',
    });
    return measurements;
  }

  const namesOf = ([first]: readonly Measurement[]) => first?.metrics.map(({ name }) => name);

  it('by duration and job', async () => {
    const measurements = await measured('works');
    assert.equal(measurements.length, 1);
    assert.deepEqual(measurements[0]?.dimensions, { Job: 'observer_bot' });
    assert.deepEqual(namesOf(measurements), ['TickDuration']);
  });

  it('as an error when they fail, although the function itself ends well', async () => {
    assert.deepEqual(namesOf(await measured('fails')), ['TickDuration', 'TickErrors']);
  });
});
