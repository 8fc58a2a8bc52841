import assert from 'node:assert/strict';
import { parseDuration } from '../../../cli/duration';
import { OperatorError } from '../../../local/operator-error';

describe('parseDuration', () => {
  for (const [text, seconds] of [
    ['90s', 90],
    ['15m', 900],
    ['1h', 3600],
    ['30d', 2_592_000],
  ] as const) {
    it(`parses ${text} as ${seconds} seconds`, () => assert.equal(parseDuration(text, '--ttl'), seconds));
  }

  for (const text of [
    '',
    '0s',
    '5',
    '-1h',
    '1.5h',
    '1w',
    '1h30m',
    ' 1h',
    '1e3s',
    '9999999999s',
    '1toString',
  ]) {
    it(`refuses "${text}" as a wrong call`, () => {
      assert.throws(
        () => parseDuration(text, '--ttl'),
        (error) => error instanceof OperatorError && error.exitCode === 2,
      );
    });
  }
});
