import { Cron } from 'croner';
import { MalformedError } from '../base/errors';

/** Most due times of one answer. */
export const MAX_DUE_TIMES = 100;
/** A schedule cannot be denser than the observer's tick. */
const MIN_RATE_SECONDS = 10;
const MAX_RATE_SECONDS = 366 * 86_400;
const MAX_LENGTH = 256;

const UNIT_SECONDS: Readonly<Record<string, number>> = { second: 1, minute: 60, hour: 3_600, day: 86_400 };

const FORMS =
  'write rate(N seconds|minutes|hours|days), cron(minute hour day-of-month month day-of-week), ' +
  'or cron(minute hour day-of-month month day-of-week year) with ? as on AWS';

/** A parsed schedule. Due times are whole seconds. */
interface Schedule {
  /** The first due time after a Unix time in ms; null when there is none. */
  next(afterMs: number): number | null;
  /** The last due time at or before a Unix time in ms. */
  previous(untilMs: number): number | null;
}

/**
 * The due times of a schedule in (`after`, `until`], oldest first; the latest 100 when there are more.
 *
 * `rate(N unit)` counts from `anchor` on, N seconds at least 10, and has no time zone. `cron(…)` is the
 * five-field Unix form (weekdays 0 or 7 = Sunday) or the six-field form of Amazon EventBridge (year last, `?`
 * for "any day", weekdays 1 = Sunday … 7 = Saturday, L, W and #), read in `timezone`.
 *
 * Daylight saving: a local time that does not exist runs right after the gap, and several such times run once there; a
 * local time that occurs twice runs the first time only. A schedule of every hour (`*` as the hour) follows elapsed time
 * instead, so that every hour has its run.
 *
 * Five fields follow crontab(5): when day-of-month and day-of-week are both restricted, either of them is enough; a field
 * that begins with `*` does not restrict, so beside a step over all values both must hold.
 *
 * @param expression the text; any other value is refused.
 * @param timezone IANA name; any other value is refused. Defaults to UTC.
 * @param anchor RFC 3339, as are `after` and `until`.
 * @returns RFC 3339 in UTC with milliseconds
 * @throws MalformedError that says what is allowed.
 */
export function dueTimes(
  expression: unknown,
  timezone: unknown,
  anchor: string,
  after: string,
  until: string,
): readonly string[] {
  const schedule = readSchedule(expression, timezone, millisecondsOf(anchor, 'anchor'));
  const afterMs = millisecondsOf(after, 'after');
  const times: string[] = [];
  let at = schedule.previous(millisecondsOf(until, 'until'));
  while (at !== null && at > afterMs && times.length < MAX_DUE_TIMES) {
    times.push(new Date(at).toISOString());
    at = schedule.previous(at - 1);
  }
  return times.reverse();
}

/**
 * The first due time after `after`; null when there is none. Parameters as for {@link dueTimes}.
 * @throws MalformedError that says what is allowed
 */
export function nextDueTime(
  expression: unknown,
  timezone: unknown,
  anchor: string,
  after: string,
): string | null {
  const at = readSchedule(expression, timezone, millisecondsOf(anchor, 'anchor')).next(
    millisecondsOf(after, 'after'),
  );
  return at === null ? null : new Date(at).toISOString();
}

function readSchedule(given: unknown, timezone: unknown, anchorMs: number): Schedule {
  const expression = clipped(given);
  const [, kind, body] = /^\s*(rate|cron)\s*\(([^()]*)\)\s*$/i.exec(expression) ?? [];
  const zone = checkTimezone(timezone);
  if (kind === undefined || body === undefined) return refuse(expression, `it is neither a rate nor a cron`);
  return kind.toLowerCase() === 'rate'
    ? rateSchedule(expression, body, anchorMs)
    : cronSchedule(expression, body, zone);
}

function clipped(expression: unknown): string {
  if (typeof expression === 'string' && expression.length <= MAX_LENGTH) return expression;
  throw new MalformedError(`A schedule is a text of at most ${MAX_LENGTH} characters; ${FORMS}.`);
}

function refuse(expression: string, why: string): never {
  throw new MalformedError(`The schedule ${expression.trim()} cannot be used: ${why}; ${FORMS}.`);
}

function rateSchedule(expression: string, body: string, anchorMs: number): Schedule {
  const [, digits, unit] = /^\s*(\d{1,9})\s+(second|minute|hour|day)s?\s*$/i.exec(body) ?? [];
  const seconds = Number(digits) * (UNIT_SECONDS[unit?.toLowerCase() ?? ''] ?? Number.NaN);
  if (Number.isNaN(seconds)) refuse(expression, 'a rate is a whole number and a unit');
  if (seconds < MIN_RATE_SECONDS) refuse(expression, `a rate is at least ${MIN_RATE_SECONDS} seconds`);
  if (seconds > MAX_RATE_SECONDS) refuse(expression, 'a rate is at most 366 days');
  const periodMs = seconds * 1_000;
  // Due at anchor + n × period for n ≥ 1: the anchor itself is when the clock starts.
  const at = (n: number) => (n < 1 ? null : anchorMs + n * periodMs);
  return {
    next: (afterMs) => at(Math.max(1, Math.floor((afterMs - anchorMs) / periodMs) + 1)),
    previous: (untilMs) => at(Math.floor((untilMs - anchorMs) / periodMs)),
  };
}

function cronSchedule(expression: string, body: string, timezone: string): Schedule {
  const cron = parseCron(expression, body, timezone);
  const msOf = (date: Date | null | undefined) => date?.getTime() ?? null;
  return {
    next: (afterMs) => msOf(cron.nextRun(new Date(Math.floor(afterMs / 1_000) * 1_000))),
    // croner searches strictly before the given time, in whole seconds.
    previous: (untilMs) => msOf(cron.previousRuns(1, new Date((Math.floor(untilMs / 1_000) + 1) * 1_000))[0]),
  };
}

function parseCron(expression: string, body: string, timezone: string): Cron {
  const fields = body.trim().toUpperCase().split(/\s+/);
  const [minute = '', hour = '', day = '', month = '', weekday = '', year] = fields;
  if (fields.length !== 5 && fields.length !== 6) {
    refuse(expression, `a cron has 5 or 6 fields, this one has ${body.trim() === '' ? 0 : fields.length}`);
  }
  const isAws = fields.length === 6;
  if (isAws && !isAny(day) && !isAny(weekday)) {
    refuse(expression, 'with 6 fields, day-of-month or day-of-week must be ?');
  }
  if (/\?/.test(minute + hour + month + (year ?? '')) || (!isAws && /\?/.test(body))) {
    refuse(expression, '? stands for day-of-month or day-of-week of the 6-field form only');
  }
  const pattern = [
    '0',
    ...(hour === '*' ? [stepped(minute, 59), hour] : [listed(minute, 59), listed(hour, 23)]),
    day === '?' ? '*' : stepped(day, 31),
    stepped(month, 12),
    lastOfWeek(weekday === '?' ? '*' : stepped(weekday, isAws ? 7 : 6), isAws),
    year ?? '*',
  ].join(' ');
  try {
    return new Cron(pattern, {
      paused: true,
      mode: '7-part',
      timezone,
      alternativeWeekdays: isAws,
      domAndDow: day.startsWith('*') || weekday.startsWith('*'),
      fixedTimeRule: 'no-wildcard',
    });
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, '') : 'it cannot be read';
    return refuse(expression, why);
  }
}

const isAny = (field: string) => field === '*' || field === '?';

/** AWS writes "from 5 on, every 10th" as 5/10, and a bare L in the weekday for Saturday. */
function stepped(field: string, last: number): string {
  return field.replace(/(^|,)(\d+)\/(\d+)(?=,|$)/g, `$1$2-${last}/$3`);
}

function lastOfWeek(field: string, isAws: boolean): string {
  return isAws && field === 'L' ? '7' : field;
}

/**
 * Wildcards and steps written out. croner treats a schedule without them as one of fixed times, which is what a
 * schedule with a given hour is: its times in a gap run once behind it, and repeated ones once.
 */
function listed(field: string, last: number): string {
  return field
    .split(',')
    .map((part) => {
      const [, from, to, step] = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,4}))?$/.exec(part) ?? [];
      const isPlain = part !== '*' && step === undefined;
      const every = Number(step ?? 1);
      const start = Number(from ?? 0);
      const end = Number(to ?? last);
      if (isPlain || every < 1 || end > last || start > end) return part;
      const values = [];
      for (let value = start; value <= end; value += every) values.push(value);
      return values.join(',');
    })
    .join(',');
}

function checkTimezone(timezone: unknown): string {
  if (timezone === undefined) return 'UTC';
  if (typeof timezone !== 'string') {
    throw new MalformedError(
      'A time zone is a text: an IANA name such as Europe/Paris. Leave it out for UTC.',
    );
  }
  try {
    // Offsets such as +01:00 are refused: they have no daylight saving.
    if (!/^[A-Za-z]/.test(timezone)) throw new RangeError(timezone);
    return new Intl.DateTimeFormat('en', { timeZone: timezone }).resolvedOptions().timeZone;
  } catch {
    throw new MalformedError(
      `There is no time zone ${timezone.slice(0, 64)}; use an IANA name such as Europe/Paris, or leave it out for UTC.`,
    );
  }
}

function millisecondsOf(timestamp: string, name: string): number {
  const ms = /^\d{4}-\d\d-\d\dT/.test(timestamp) ? Date.parse(timestamp) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new MalformedError(`${name} must be an RFC 3339 timestamp such as 2026-01-31T23:59:59.000Z.`);
}
