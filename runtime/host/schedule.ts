import type { DailyCadence, IntervalCadence } from './cadence';
import { isTickKernel, KERNEL_NAMES, KERNEL_TABLE, kernelRow, type TickKernel } from './kernel-table';

/** One line of the schedule. */
export interface ScheduledJob {
  /** Its name in logs, leases and `app.job_run`. */
  readonly job: TickKernel | 'midnight_ruler';
  /** The kernel that is started. */
  readonly kernel: TickKernel | 'run_code';
  readonly cadence: IntervalCadence | DailyCadence;
  /** Any number of runs at a time; without it one at a time, anywhere. */
  readonly isShared?: boolean;
}

/**
 * When each scheduled job runs: the kernels that tick, and the midnight ruler, which run_code runs. The local ticker
 * and `infra/scheduler.ts` both read it.
 */
export const SCHEDULE: readonly ScheduledJob[] = [
  ...KERNEL_NAMES.filter(isTickKernel).map((kernel) => ({
    job: kernel,
    kernel,
    cadence: KERNEL_TABLE[kernel].tick,
    isShared: kernelRow(kernel).isShared ?? false,
  })),
  {
    job: 'midnight_ruler',
    kernel: 'run_code',
    cadence: { kind: 'daily', at: '00:00', timezone: 'Europe/Paris' },
  },
];

/** A job is late when it has missed this many ticks. */
const MISSED_TICKS = 3;
const GRACE_S = 30;
const DAY_S = 86_400;

/** Age of the last start after which a job counts as late. */
export function toleratedAgeS({ cadence }: ScheduledJob): number {
  return cadence.kind === 'interval'
    ? MISSED_TICKS * cadence.everySeconds + GRACE_S
    : DAY_S + 3_600 + GRACE_S;
}

/** For each job, how long ago its last start may be. */
export function expectedTicks(): { readonly job: string; readonly toleratedAgeS: number }[] {
  return SCHEDULE.map((scheduled) => ({ job: scheduled.job, toleratedAgeS: toleratedAgeS(scheduled) }));
}
