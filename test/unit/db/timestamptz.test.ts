import assert from 'node:assert/strict';
import { parseTimestamptz } from '../../../runtime/db/timestamptz';

describe('timestamptz', () => {
  it('becomes RFC 3339 in UTC with exactly three fractional digits', () => {
    const cases: Record<string, string> = {
      '2026-11-23 08:00:00+00': '2026-11-23T08:00:00.000Z',
      '2026-11-23 08:00:00.1+00': '2026-11-23T08:00:00.100Z',
      '2026-11-23 08:00:00.12+00': '2026-11-23T08:00:00.120Z',
      '2026-11-23 08:00:00.123+00': '2026-11-23T08:00:00.123Z',
      '0001-01-01 00:00:00.001+00': '0001-01-01T00:00:00.001Z',
      '9999-12-31 23:59:59.999+00': '9999-12-31T23:59:59.999Z',
    };
    for (const [text, expected] of Object.entries(cases)) assert.equal(parseTimestamptz(text), expected);
  });

  it('that RFC 3339 cannot write, or from a session that is not in UTC, is an error and no wrong hash', () => {
    for (const text of [
      'infinity',
      '-infinity',
      '0044-03-15 00:00:00+00 BC',
      '2026-11-23 08:00:00+01',
      '10000-01-01 00:00:00+00',
      '',
    ]) {
      assert.throws(() => parseTimestamptz(text), RangeError, text);
    }
  });
});
