import assert from 'node:assert/strict';
import { createMetrics, metricLine } from '../../../runtime/log/metrics';

const TICK = {
  dimensions: { Job: 'observer_bot' },
  metrics: [{ name: 'TickDuration', unit: 'Milliseconds', value: 12 } as const],
};

describe('metrics', () => {
  it('are lines of the embedded metric format: every name that it declares is a member beside it', () => {
    const line = metricLine(
      { ...TICK, properties: { route: undefined, status: 200 } },
      'dev',
      1_700_000_000_000,
    );
    assert.ok(!line.includes('\n'));
    assert.deepEqual(JSON.parse(line), {
      _aws: {
        Timestamp: 1_700_000_000_000,
        CloudWatchMetrics: [
          {
            Namespace: 'LogLine',
            Dimensions: [['Stage', 'Job']],
            Metrics: [{ Name: 'TickDuration', Unit: 'Milliseconds' }],
          },
        ],
      },
      level: 'INFO',
      timestamp: '2023-11-14T22:13:20.000Z',
      status: 200,
      Stage: 'dev',
      Job: 'observer_bot',
      TickDuration: 12,
    });
  });

  it('are written in a Lambda, and nowhere else', () => {
    const lines: string[] = [];
    const destination = { write: (text: string) => void lines.push(text) };
    createMetrics(destination, {}).put(TICK);
    assert.deepEqual(lines, []);
    createMetrics(destination, {
      AWS_LAMBDA_FUNCTION_NAME: 'logline-prod-observer-bot',
      LOGLINE_STAGE: 'prod',
    }).put(TICK);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /"Stage":"prod".*\n$/);
  });
});
