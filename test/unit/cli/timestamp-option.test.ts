import assert from 'node:assert/strict';
import { timestampOption } from '../../../cli/timestamp-option';
import { OperatorError } from '../../../local/operator-error';

describe('a timestamp on the command line', () => {
  const now = new Date('2026-02-01T00:00:00.000Z');

  for (const [text, timestamp] of [
    ['2026-01-31T12:00:00Z', '2026-01-31T12:00:00.000Z'],
    ['2026-01-31T12:00:00.250+01:00', '2026-01-31T11:00:00.250Z'],
    ['2026-01-31', '2026-01-31T00:00:00.000Z'],
    ['24h', '2026-01-31T00:00:00.000Z'],
    ['90s', '2026-01-31T23:58:30.000Z'],
  ]) {
    it(`is ${timestamp} for "${text}"`, () => assert.equal(timestampOption(text, '--since', now), timestamp));
  }

  it('is nothing when none is given', () =>
    assert.equal(timestampOption(undefined, '--since', now), undefined));

  for (const text of ['yesterday', '2026-02-30', '2026-01-31T12:00', '-1h', '']) {
    it(`is not "${text}"`, () => {
      assert.throws(
        () => timestampOption(text, '--since', now),
        (error) => error instanceof OperatorError && error.exitCode === 2 && /--since/.test(error.message),
      );
    });
  }
});
