import assert from 'node:assert/strict';
import { localFilter } from '../../../cli/logs/local-filter';
import { progressLine } from '../../../cli/progress-line';

describe('filter of the local log', () => {
  const line = { level: 'warn', status: 503, operation: 'appendSpans', msg: 'a request' };
  const shows = (pattern: string | undefined): boolean => localFilter(pattern)(JSON.stringify(line), line);

  it('goes by level and members, all of which have to hold, and else by a text', () => {
    for (const pattern of [
      undefined,
      'level=warn',
      'level>=info',
      'status>=500 operation=appendSpans',
      'a request',
    ]) {
      assert.ok(shows(pattern), pattern);
    }
    for (const pattern of [
      'level=error',
      'level>=error',
      'level>=loud',
      'status=50',
      'tenant=acme',
      'level=warn status=200',
      'nothing',
    ]) {
      assert.ok(!shows(pattern), pattern);
    }
  });
});

describe('progress', () => {
  it('is a line every 10 s where there is no terminal', () => {
    let nowMs = 0;
    const lines: string[] = [];
    const write = (text: string | Uint8Array): boolean => lines.push(String(text)) > 0;
    const progress = progressLine(
      { isTTY: false, write } as Pick<NodeJS.WriteStream, 'isTTY' | 'write'>,
      () => nowMs,
    );
    for (nowMs = 0; nowMs <= 25_000; nowMs += 500) progress.show(`${nowMs} ms`);
    assert.deepEqual(lines, ['10000 ms\n', '20000 ms\n']);
  });
});
