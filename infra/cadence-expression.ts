/**
 * Translates a row of the schedule table into expressions of EventBridge Scheduler and delays of SQS.
 */

import type { DailyCadence, IntervalCadence } from '../runtime/host/cadence';

/** Messages in one SQS batch, at most. */
const LARGEST_BATCH = 10;

/**
 * Delays, in seconds, of the ticks that one schedule per minute sends: every 10 s → 0, 10, 20, 30, 40, 50.
 *
 * EventBridge has no rate below a minute (`rate(10 seconds)` is refused), so the minute is filled by delayed messages.
 *
 * @throws RangeError for a cadence that does not divide a minute, or needs more than ten ticks in it.
 */
export function tickDelays(cadence: IntervalCadence): readonly number[] {
  const { everySeconds } = cadence;
  if (!Number.isInteger(everySeconds) || everySeconds < 1 || 60 % everySeconds !== 0) {
    throw new RangeError(`a cadence must divide a minute; got every ${everySeconds} s`);
  }
  const count = 60 / everySeconds;
  if (count > LARGEST_BATCH) {
    throw new RangeError(
      `a cadence may have at most ${LARGEST_BATCH} ticks a minute, the size of an SQS batch; got every ${everySeconds} s`,
    );
  }
  return Array.from({ length: count }, (_, index) => index * everySeconds);
}

/**
 * The cron expression of a daily job; its time zone is given beside it. `00:00` → `cron(0 0 * * ? *)`.
 *
 * @throws RangeError when `at` is no time of day.
 */
export function dailyExpression(cadence: DailyCadence): string {
  const match = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(cadence.at);
  if (match === null) {
    throw new RangeError(`expected a time of day such as 00:00; got "${cadence.at}"`);
  }
  return `cron(${Number(match[2])} ${Number(match[1])} * * ? *)`;
}
