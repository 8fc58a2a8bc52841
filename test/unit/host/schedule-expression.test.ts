import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { MalformedError } from '../../../runtime/base/errors';
import { dueTimes, MAX_DUE_TIMES, nextDueTime } from '../../../runtime/host/schedule-expression';

const PARIS = 'Europe/Paris';

interface Row {
  readonly rule: string;
  readonly expression: string;
  readonly timezone?: string;
  readonly after: string;
  readonly until: string;
  /** UTC, `MM-DDTHH:MM` of the year of `after`, or a whole moment. */
  readonly due: readonly string[];
}

const ROWS: readonly Row[] = [
  {
    rule: 'crontab(5): a weekday that begins with * does not restrict, so days and its step must both hold',
    expression: 'cron(0 9 1-7 * */7)',
    after: '2026-01-01T00:00:00Z',
    until: '2026-04-01T00:00:00Z',
    due: ['01-04T09:00', '02-01T09:00', '03-01T09:00'],
  },
  {
    rule: 'crontab(5): so it is when the day of the month begins with *',
    expression: 'cron(0 9 */10 * MON)',
    after: '2026-01-01T00:00:00Z',
    until: '2026-06-12T00:00:00Z',
    due: ['05-11T09:00', '06-01T09:00'],
  },
  {
    rule: 'crontab(5): when both restrict, either is enough',
    expression: 'cron(0 9 1 * MON)',
    after: '2026-01-01T00:00:00Z',
    until: '2026-01-13T00:00:00Z',
    due: ['01-01T09:00', '01-05T09:00', '01-12T09:00'],
  },
  {
    rule: 'a rate is counted from the anchor, milliseconds included',
    expression: 'rate(10 seconds)',
    after: '2026-01-01T00:00:00.500Z',
    until: '2026-01-01T00:00:30.500Z',
    due: ['2026-01-01T00:00:10.500Z', '2026-01-01T00:00:20.500Z', '2026-01-01T00:00:30.500Z'],
  },
  {
    rule: 'the beginning of the window is outside, its end inside',
    expression: 'cron(0 * * * *)',
    after: '2026-01-01T10:00:00.000Z',
    until: '2026-01-01T12:00:00.000Z',
    due: ['01-01T11:00', '01-01T12:00'],
  },
  {
    rule: 'without a time zone, UTC counts',
    expression: 'cron(30 2 * * *)',
    after: '2026-03-28T12:00:00Z',
    until: '2026-03-30T12:00:00Z',
    due: ['03-29T02:30', '03-30T02:30'],
  },
  {
    rule: 'spring: a local time that does not exist runs once, at the first moment behind the gap',
    expression: 'cron(30 2 * * *)',
    timezone: PARIS,
    after: '2026-03-27T12:00:00Z',
    until: '2026-03-30T12:00:00Z',
    due: ['03-28T01:30', '03-29T01:00', '03-30T00:30'],
  },
  {
    rule: 'spring: several times in the gap run once together',
    expression: 'cron(*/15 2 * * *)',
    timezone: PARIS,
    after: '2026-03-28T12:00:00Z',
    until: '2026-03-30T00:00:00Z',
    due: ['03-29T01:00', '03-30T00:00'],
  },
  {
    rule: 'spring: a time in the gap and the time behind it, both named, run once',
    expression: 'cron(0 2-3 * * *)',
    timezone: PARIS,
    after: '2026-03-28T12:00:00Z',
    until: '2026-03-29T12:00:00Z',
    due: ['03-29T01:00'],
  },
  {
    rule: 'spring: a schedule of every hour goes by elapsed time',
    expression: 'cron(30 * * * *)',
    timezone: PARIS,
    after: '2026-03-29T00:00:00Z',
    until: '2026-03-29T03:00:00Z',
    due: ['03-29T00:30', '03-29T01:30', '03-29T02:30'],
  },
  {
    rule: 'autumn: a local time that happens twice runs the first time only',
    expression: 'cron(30 2 * * *)',
    timezone: PARIS,
    after: '2026-10-23T12:00:00Z',
    until: '2026-10-26T12:00:00Z',
    due: ['10-24T00:30', '10-25T00:30', '10-26T01:30'],
  },
  {
    rule: 'autumn: steps within a repeated hour run the first time only',
    expression: 'cron(*/20 2 * * *)',
    timezone: PARIS,
    after: '2026-10-24T12:00:00Z',
    until: '2026-10-25T12:00:00Z',
    due: ['10-25T00:00', '10-25T00:20', '10-25T00:40'],
  },
  {
    rule: 'autumn: steps of hours are wall-clock hours',
    expression: 'cron(0 */2 * * *)',
    timezone: PARIS,
    after: '2026-10-24T21:00:00Z',
    until: '2026-10-25T06:00:00Z',
    due: ['10-24T22:00', '10-25T00:00', '10-25T03:00', '10-25T05:00'],
  },
  {
    rule: 'autumn: a schedule of every hour runs in the repeated hour too',
    expression: 'cron(30 * * * *)',
    timezone: PARIS,
    after: '2026-10-24T23:00:00Z',
    until: '2026-10-25T02:00:00Z',
    due: ['10-24T23:30', '10-25T00:30', '10-25T01:30'],
  },
  {
    rule: 'midnight in Paris on both changes of 2026: spring',
    expression: 'cron(0 0 * * *)',
    timezone: PARIS,
    after: '2026-03-28T00:00:00Z',
    until: '2026-03-30T23:00:00Z',
    due: ['03-28T23:00', '03-29T22:00', '03-30T22:00'],
  },
  {
    rule: 'midnight in Paris on both changes of 2026: autumn',
    expression: 'cron(0 0 * * *)',
    timezone: PARIS,
    after: '2026-10-24T00:00:00Z',
    until: '2026-10-26T23:30:00Z',
    due: ['10-24T22:00', '10-25T23:00', '10-26T23:00'],
  },
  {
    rule: '29 February comes in leap years only, 2100 not being one',
    expression: 'cron(0 0 29 2 *)',
    after: '2088-03-01T00:00:00Z',
    until: '2108-01-01T00:00:00Z',
    due: ['2092-02-29T00:00:00.000Z', '2096-02-29T00:00:00.000Z', '2104-02-29T00:00:00.000Z'],
  },
  {
    rule: 'a date that never comes is never due',
    expression: 'cron(0 0 30 2 *)',
    after: '2026-01-01T00:00:00Z',
    until: '2036-01-01T00:00:00Z',
    due: [],
  },
  {
    rule: 'five fields: day-of-month or day-of-week, 0 and 7 both Sunday',
    expression: 'cron(0 12 1 * 7)',
    after: '2026-03-28T00:00:00Z',
    until: '2026-04-06T00:00:00Z',
    due: ['03-29T12:00', '04-01T12:00', '04-05T12:00'],
  },
  {
    rule: 'six fields: AWS counts weekdays from 1 = Sunday',
    expression: 'cron(0 12 ? * 2-6 *)',
    after: '2026-03-28T00:00:00Z',
    until: '2026-04-04T00:00:00Z',
    due: ['03-30T12:00', '03-31T12:00', '04-01T12:00', '04-02T12:00', '04-03T12:00'],
  },
  {
    rule: 'six fields: names, start/step, and the last day of the month',
    expression: 'cron(5/20 8 L mar,jun ? 2026)',
    after: '2026-01-01T00:00:00Z',
    until: '2027-12-31T00:00:00Z',
    due: ['03-31T08:05', '03-31T08:25', '03-31T08:45', '06-30T08:05', '06-30T08:25', '06-30T08:45'],
  },
  {
    rule: 'six fields: the last and the n-th of a weekday',
    expression: 'cron(0 0 ? * FRI#2,6L *)',
    after: '2026-04-01T00:00:00Z',
    until: '2026-05-01T00:00:00Z',
    due: ['04-10T00:00', '04-24T00:00'],
  },
  {
    rule: 'six fields: the year bounds it',
    expression: 'cron(0 0 1 1 ? 2026-2027)',
    after: '2025-12-31T12:00:00Z',
    until: '2031-01-01T00:00:00Z',
    due: ['2026-01-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
  },
];

const REFUSED: readonly (readonly [expression: string, why: RegExp])[] = [
  ['', /neither a rate nor a cron/],
  ['every day', /neither a rate nor a cron/],
  ['rate()', /whole number and a unit/],
  ['rate(5)', /whole number and a unit/],
  ['rate(1.5 hours)', /whole number and a unit/],
  ['rate(-1 hours)', /whole number and a unit/],
  ['rate(1 week)', /whole number and a unit/],
  ['rate(9 seconds)', /at least 10 seconds/],
  ['rate(0 days)', /at least 10 seconds/],
  ['rate(400 days)', /at most 366 days/],
  ['cron()', /this one has 0/],
  ['cron(@daily)', /this one has 1/],
  ['cron(* * * *)', /this one has 4/],
  ['cron(0 0 0 1 1 * 2026)', /this one has 7/],
  ['cron(60 0 * * *)', /minute/],
  ['cron(0 24 * * *)', /hour/],
  ['cron(0 0 32 * *)', /day/],
  ['cron(0 0 * 13 *)', /month/],
  ['cron(0 0 * * FOO)', /weekday|dayOfWeek|character/i],
  ['cron(0 0 ? * *)', /6-field form only/],
  ['cron(? 0 * * ? *)', /6-field form only/],
  ['cron(0 0 1 * 2 *)', /must be \?/],
  ['cron(0 0 * * 0 *)', /dayOfWeek/],
  ['cron(*/0 0 * * *)', /./],
  ['cron(0 0 * * *) or so', /neither a rate nor a cron/],
  [`cron(${'0,'.repeat(200)}0 0 * * *)`, /at most 256 characters/],
];

describe('schedule expression', () => {
  for (const { rule, expression, timezone, after, until, due } of ROWS) {
    it(`${rule}: ${expression}`, () => {
      const expected = due.map((moment) =>
        moment.length > 11 ? moment : `${after.slice(0, 4)}-${moment}:00.000Z`,
      );
      assert.deepEqual(dueTimes(expression, timezone, after, after, until), expected);
    });

    it(`the next due time leads through the same moments: ${expression} ${timezone ?? ''} ${after}`, () => {
      const seen: string[] = [];
      let at = nextDueTime(expression, timezone, after, after);
      while (at !== null && Date.parse(at) <= Date.parse(until)) {
        seen.push(at);
        at = nextDueTime(expression, timezone, after, at);
      }
      assert.deepEqual(seen, dueTimes(expression, timezone, after, after, until));
    });
  }

  for (const [expression, why] of REFUSED) {
    it(`is refused with the allowed forms: ${expression.slice(0, 40)}`, () => {
      const read = () =>
        dueTimes(
          expression,
          undefined,
          '2026-01-01T00:00:00Z',
          '2026-01-01T00:00:00Z',
          '2027-01-01T00:00:00Z',
        );
      assert.throws(read, (error: unknown) => {
        assert(error instanceof MalformedError);
        assert.match(error.message, why);
        assert.match(error.message, /write rate\(/);
        return true;
      });
    });
  }

  it('an unknown time zone is refused, and so is an offset, which knows no daylight saving', () => {
    for (const timezone of ['Mars/Olympus', '', '+01:00', 'x'.repeat(500)]) {
      const read = () => nextDueTime('rate(1 day)', timezone, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z');
      assert.throws(read, /IANA name such as Europe\/Paris/, timezone);
    }
  });

  it('more due times than an answer holds leaves the latest', () => {
    const times = dueTimes(
      'cron(* * * * *)',
      PARIS,
      '2026-01-01T00:00:00Z',
      '2026-01-01T00:00:00Z',
      '2027-01-01T00:00:00Z',
    );
    assert.equal(times.length, MAX_DUE_TIMES);
    assert.equal(times.at(-1), '2027-01-01T00:00:00.000Z');
    assert.equal(times[0], '2026-12-31T22:21:00.000Z');
  });

  it('adjoining windows of a rate neither repeat nor drop a due time', () => {
    const seconds = fc.integer({ min: 10, max: 100_000 });
    const anchorMs = fc.integer({ min: 0, max: 4_000_000_000_000 });
    const cuts = fc.array(fc.integer({ min: 0, max: 60_000 }), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(seconds, anchorMs, cuts, (period, anchor, offsets) => {
        const at = (ms: number) => new Date(ms).toISOString();
        const expression = `rate(${period} seconds)`;
        const bounds = offsets.map((offset) => anchor + Math.floor((offset * period) / 1_000) * 1_000);
        bounds.sort((one, other) => one - other);
        const parts = bounds
          .slice(1)
          .flatMap((until, index) =>
            dueTimes(expression, undefined, at(anchor), at(bounds[index] ?? 0), at(until)),
          );
        assert.equal(new Set(parts).size, parts.length);
        for (const part of parts) {
          const elapsed = Date.parse(part) - anchor;
          assert.equal(elapsed % (period * 1_000), 0);
          assert(elapsed > 0, 'the anchor itself is not due');
        }
        const total = (Number(bounds.at(-1)) - Number(bounds[0])) / (period * 1_000);
        assert(parts.length <= total + 1);
        if (total < MAX_DUE_TIMES) assert(parts.length >= Math.floor(total));
      }),
    );
  });
});
