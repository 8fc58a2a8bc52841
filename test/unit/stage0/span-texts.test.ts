import assert from 'node:assert/strict';
import fc from 'fast-check';
import { spanText, spanTextsOfJson, spanTextsOfLines } from '../../../runtime/stage0/span-texts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const anyCount = () => undefined;

/** Number of JSON values: objects, arrays, strings, numbers and literals. */
function valuesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, member) => sum + valuesIn(member), 1);
}

/** JSON with white space wherever the grammar allows it, or without any. */
const jsonText = fc
  .tuple(fc.jsonValue(), fc.constantFrom(undefined, 1, '\t', '\r\n'))
  .map(([value, space]) => JSON.stringify(value, null, space));

describe('the texts of a body', () => {
  it('are the elements of an array, whatever is in them, and count the values that a parser finds', () => {
    fc.assert(
      fc.property(fc.array(jsonText, { maxLength: 5 }), fc.constantFrom('', ' ', '\n'), (elements, space) => {
        const { texts, isList } = spanTextsOfJson(
          bytesOf(`${space}[${space}${elements.join(`${space},${space}`)}${space}]${space}`),
          anyCount,
        );
        assert.equal(isList, true);
        assert.deepEqual(
          texts.map(({ bytes }) => JSON.parse(textOf(bytes))),
          elements.map((text) => JSON.parse(text)),
        );
        assert.deepEqual(
          texts.map(({ values }) => values),
          elements.map((text) => valuesIn(JSON.parse(text))),
        );
      }),
    );
  });

  it('accept only text that JSON.parse accepts as a whole', () => {
    const marks = fc.constantFrom(
      '[',
      ']',
      '{',
      '}',
      ',',
      ':',
      '"',
      '\\',
      '1',
      ' ',
      '{}',
      '"a":',
      '[1]',
      '"x"',
    );
    fc.assert(
      fc.property(fc.array(marks, { maxLength: 12 }), (parts) => {
        const text = `[${parts.join('')}`;
        assert.equal(isTaken(text), isJson(text), text);
      }),
      { numRuns: 3_000 },
    );
  });

  it('are the lines of NDJSON that are not blank', () => {
    const texts = spanTextsOfLines(bytesOf('{"a":[1,2]}\r\n\n \t\n{}'), anyCount);
    assert.deepEqual(
      texts.map(({ bytes, values }) => [textOf(bytes).trim(), values]),
      [
        ['{"a":[1,2]}', 4],
        ['{}', 1],
      ],
    );
  });

  it('skip blank lines all at once, not one by one', () => {
    const bytes = bytesOf(`${'\n'.repeat(10_000)}{}${' \r\n'.repeat(10_000)}{}`);
    let parts = 0;
    const whole = bytes.subarray.bind(bytes);
    bytes.subarray = (...range) => {
      parts += 1;
      return whole(...range);
    };
    assert.equal(spanTextsOfLines(bytes, anyCount).length, 2);
    assert.equal(parts, 2);
  });

  it('are refused as soon as there are too many', () => {
    let most = 0;
    const refuse = (count: number) => {
      most = count;
      if (count > 3) throw new RangeError('too many');
    };
    assert.throws(() => spanTextsOfJson(bytesOf(`[${'{},'.repeat(1_000)}{}]`), refuse), RangeError);
    assert.equal(most, 4);
  });

  it('of a text that is no JSON are counted up to where it stops being JSON', () => {
    assert.equal(spanText(bytesOf(`{"a":[1,2]},${',1'.repeat(1_000)}`)).values, 4);
    assert.equal(spanText(bytesOf(','.repeat(1_000))).values, 1);
  });

  it('of a text that is no JSON have no more values than bytes', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 50 }), (text) => {
        assert.ok(spanText(bytesOf(text)).values <= Math.max(1, bytesOf(text).length) * 2);
      }),
    );
  });
});

function isTaken(text: string): boolean {
  try {
    for (const { bytes } of spanTextsOfJson(bytesOf(text), anyCount).texts) JSON.parse(textOf(bytes));
    return true;
  } catch {
    return false;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
