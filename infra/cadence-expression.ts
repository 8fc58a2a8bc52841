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

/** True when EventBridge Scheduler accepts the expression: `rate` in whole minutes or more, or `cron` with six fields. */
export function isScheduleExpression(text: string): boolean {
  const rate = /^rate\(([1-9]\d*) (minute|minutes|hour|hours|day|days)\)$/.exec(text);
  if (rate !== null) {
    return (rate[1] === '1') === !rate[2]?.endsWith('s');
  }
  const fields = /^cron\((.+)\)$/.exec(text)?.[1]?.split(' ');
  if (fields?.length !== 6 || !fields.every((field) => /^[\d*,/?A-Z#L-]+$/.test(field))) {
    return false;
  }
  // One of day-of-month and day-of-week must be "?".
  return (fields[2] === '?') !== (fields[4] === '?');
}
