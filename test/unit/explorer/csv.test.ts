import assert from 'node:assert/strict';
import { CSV_COLUMNS, csvHead, csvLine } from '../../../explorer/src/csv';
import { SPAN_COLUMNS } from '../../../runtime/base/span';

describe('a CSV export', () => {
  const cellOf = (text: string): string => csvLine({ id: text }).split(',,')[0] ?? '';

  for (const start of ['=', '+', '-', '@', '\t']) {
    it(`makes a cell that begins with ${JSON.stringify(start)} harmless by an apostrophe`, () => {
      assert.equal(cellOf(`${start}cmd`).replaceAll('"', ''), `'${start}cmd`);
    });
  }

  it('leaves other text, numbers and booleans as they are', () => {
    assert.equal(cellOf('a=b'), 'a=b');
    assert.match(csvLine({ seq: 3, duration_ms: -5, is_deleted: false }), /^,3,.*,false,.*,-5,/);
  });

  it('quotes characters that would end a cell or a line (RFC 4180)', () => {
    assert.equal(csvLine({ id: 'a "b", c\nd' }).split(',,')[0], '"a ""b"", c\nd"');
  });

  it('has a column for every member of a span', () => {
    assert.deepEqual([...CSV_COLUMNS].sort(), [...SPAN_COLUMNS].sort());
    assert.equal(csvHead().split(',').length, csvLine({}).split(',').length);
  });
});
