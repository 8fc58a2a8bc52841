/**
 * When each scheduled job runs. This table is the only place that says so: the local ticker and
 * `infra/scheduler.ts` both read it (DESIGN.md section 8).
 */

/** A job that runs again and again, this many seconds apart. */
export interface IntervalCadence {
  readonly kind: 'interval';
  readonly everySeconds: number;
}

/** A job that runs at a wall-clock time of a place, right across daylight-saving changes. */
export interface DailyCadence {
  readonly kind: 'daily';
  /** Local time as `HH:MM`. */
  readonly at: string;
  /** IANA time zone. */
  readonly timezone: string;
}

/** One line of the schedule. */
export interface ScheduledJob {
  /** What logs, locks and `app.job_run` call it. */
  readonly job: 'observer_bot' | 'request_worker' | 'policy_agent' | 'midnight_ruler';
  /** The kernel that is started. */
  readonly kernel: 'observer_bot' | 'request_worker' | 'policy_agent' | 'run_code';
  readonly cadence: IntervalCadence | DailyCadence;
}

export const SCHEDULE: readonly ScheduledJob[] = [
  { job: 'observer_bot', kernel: 'observer_bot', cadence: { kind: 'interval', everySeconds: 10 } },
  { job: 'request_worker', kernel: 'request_worker', cadence: { kind: 'interval', everySeconds: 10 } },
  { job: 'policy_agent', kernel: 'policy_agent', cadence: { kind: 'interval', everySeconds: 30 } },
  {
    job: 'midnight_ruler',
    kernel: 'run_code',
    cadence: { kind: 'daily', at: '00:00', timezone: 'Europe/Paris' },
  },
];
