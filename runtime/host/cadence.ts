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
<<<<<<< HEAD
=======

/** One line of the schedule. */
export interface ScheduledJob {
  /** What logs, locks and `app.job_run` call it. */
  readonly job: 'observer_bot' | 'request_worker' | 'policy_agent' | 'midnight_ruler';
  /** The kernel that is started. */
  readonly kernel: 'observer_bot' | 'request_worker' | 'policy_agent' | 'run_code';
  readonly cadence: IntervalCadence | DailyCadence;
  /** Any number of runs at a time; others run one at a time anywhere. Defaults to false. */
  readonly isShared?: boolean;
}

export const SCHEDULE: readonly ScheduledJob[] = [
  { job: 'observer_bot', kernel: 'observer_bot', cadence: { kind: 'interval', everySeconds: 10 } },
  {
    job: 'request_worker',
    kernel: 'request_worker',
    cadence: { kind: 'interval', everySeconds: 10 },
    isShared: true,
  },
  { job: 'policy_agent', kernel: 'policy_agent', cadence: { kind: 'interval', everySeconds: 30 } },
  {
    job: 'midnight_ruler',
    kernel: 'run_code',
    cadence: { kind: 'daily', at: '00:00', timezone: 'Europe/Paris' },
  },
];
>>>>>>> e85bdd3 (wip work tables)
