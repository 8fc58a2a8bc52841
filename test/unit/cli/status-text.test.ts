import assert from 'node:assert/strict';
import type { StatusReport } from '../../../cli/status/read-status';
import { durationText, statusText } from '../../../cli/status/status-text';

const QUIET: StatusReport = {
  at: '2026-01-31T12:00:00.000Z',
  queue: { waiting: 0, running: 0, put_off: 0, oldest_waiting_s: null },
  jobs: [],
  executions: { day: '2026-01-31', limit: 1000, tenants: [] },
  policies: [],
  active_policies: 0,
  open_subjects: [],
  database: { bytes: 1024 * 1024, connections: 3, max_connections: 100, spans_estimate: null },
};

describe('status as text', () => {
  it('formats durations in their two largest units', () => {
    assert.deepEqual([0, 59, 60, 200, 7_500, 100_800, 172_800].map(durationText), [
      '0 s',
      '59 s',
      '1 m',
      '3 m 20 s',
      '2 h 5 m',
      '1 d 4 h',
      '2 d',
    ]);
  });

  it('shows how long the oldest request has been waiting', () => {
    const queue = { waiting: 2, running: 1, put_off: 0, oldest_waiting_s: 90 };
    assert.ok(
      statusText({ ...QUIET, queue }).includes(
        'queue     2 waiting, the oldest for 1 m 30 s; 1 running; 0 put off',
      ),
    );
  });

  it('marks a job that has missed its ticks', () => {
    const text = statusText({
      ...QUIET,
      jobs: [
        {
          job: 'observer_bot',
          started_at: '2026-01-31T11:50:00.000Z',
          ended_at: '2026-01-31T11:50:01.000Z',
          result: 'ok',
          late: true,
          detail: { looked: 3, requested: 0 },
        },
      ],
    }).join('\n');
    assert.match(text, /^observer_bot {2}10 m ago +ok, LATE {2}looked 3$/m);
  });

  it('shows used executions as a share of the quota, and no share without one', () => {
    const tenants = [{ tenant: 'acme', used: 250 }];
    const shown = (limit: number | null) =>
      statusText({ ...QUIET, executions: { day: '2026-01-31', limit, tenants } }).find((line) =>
        line.includes('acme'),
      );
    assert.match(shown(1000) ?? '', /acme +250 +25%$/);
    assert.match(shown(0) ?? '', /acme +250 +-$/);
    assert.match(shown(null) ?? '', /acme +250 +-$/);
  });

  it('shows that a policy lags more than was counted', () => {
    const policy = { policy_id: 'p', tenant: 'acme', owner: 'alice', behind: 10_000 };
    const text = statusText({ ...QUIET, policies: [policy], active_policies: 51 }).join('\n');
    assert.match(text, /10000 or more/);
    assert.match(text, /and 50 that have read more recently/);
  });
});
