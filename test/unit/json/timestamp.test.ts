import assert from 'node:assert/strict';
import { isTimestamp, normalizeTimestamp } from '../../../runtime/json/timestamp';

describe('a timestamp of a span', () => {
  const two = (value: number): string => String(value).padStart(2, '0');

  it('exists exactly when the calendar says so', () => {
    for (const year of ['0000', '0004', '1900', '2000', '2023', '2024', '2100', '9999'])
      for (let month = 0; month <= 13; month += 1)
        for (let day = 0; day <= 32; day += 1) {
          const text = `${year}-${two(month)}-${two(day)}T12:30:59.123Z`;
          const date = new Date(text);
          const exists = !Number.isNaN(date.getTime()) && date.toISOString() === text;
          assert.equal(isTimestamp(text), exists, text);
        }
  });

  it('has a time of day that exists', () => {
    for (const [time, exists] of [
      ['00:00:00', true],
      ['23:59:59', true],
      ['24:00:00', false],
      ['29:00:00', false],
      ['12:60:00', false],
      ['12:00:60', false],
    ] as const)
      assert.equal(isTimestamp(`2026-02-28T${time}.000Z`), exists, time);
  });

  it('of another offset or precision is put into the ledger’s form, and one that does not exist is none', () => {
    assert.equal(normalizeTimestamp('2026-01-01T00:00:00+02:00'), '2025-12-31T22:00:00.000Z');
    assert.equal(normalizeTimestamp('2026-01-01t00:00:00.1200z'), '2026-01-01T00:00:00.120Z');
    assert.equal(normalizeTimestamp('2024-02-29T00:00:00.000Z'), '2024-02-29T00:00:00.000Z');
    for (const none of ['2023-02-29T00:00:00.000Z', '0000-01-01T00:00:00.000Z', '2026-01-01T00:00:00.0001Z'])
      assert.equal(normalizeTimestamp(none), undefined, none);
  });
});
