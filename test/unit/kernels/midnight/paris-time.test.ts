import assert from 'node:assert/strict';
import { nextDate, parisDate, parisMidnight } from '../../../../runtime/kernels/midnight/paris-time';

const HOUR_MS = 3_600_000;
const wallClock = new Intl.DateTimeFormat('sv-SE', {
  timeZone: 'Europe/Paris',
  dateStyle: 'short',
  timeStyle: 'medium',
});

describe('Paris time', () => {
  it('the local date is that of the time zone database, around each midnight from 1996 to 2100', () => {
    for (let day = Date.UTC(1996, 0, 1); day < Date.UTC(2101, 0, 1); day += 24 * HOUR_MS) {
      // Midnight in Paris is at 22:00 or 23:00 UTC.
      for (const at of [
        day,
        day + 22 * HOUR_MS - 1,
        day + 22 * HOUR_MS,
        day + 23 * HOUR_MS - 1,
        day + 23 * HOUR_MS,
      ]) {
        assert.equal(parisDate(at), wallClock.format(at).slice(0, 10), new Date(at).toISOString());
      }
    }
  }).timeout(60_000);

  it('a local date begins at 00:00:00 in Paris, on each date from 1996 to 2100', () => {
    let date = '1996-01-01';
    while (date < '2101-01-01') {
      const midnight = parisMidnight(date);
      assert.equal(wallClock.format(midnight), `${date} 00:00:00`, date);
      assert.equal(parisDate(midnight), date);
      assert.equal(parisDate(midnight - 1) < date, true, date);
      date = nextDate(date);
    }
  }).timeout(60_000);

  it('the days of the changes have 23 and 25 hours', () => {
    const hours = (date: string) => (parisMidnight(nextDate(date)) - parisMidnight(date)) / HOUR_MS;
    assert.equal(hours('2026-03-28'), 24);
    assert.equal(hours('2026-03-29'), 23);
    assert.equal(hours('2026-10-25'), 25);
  });
});
