import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MalformedError } from '../../../runtime/base/errors';
import { isExactNumber } from '../../../runtime/json/exact-number';
import { parseIJson, parseIJsonInSlices } from '../../../runtime/json/i-json';
import { faultsIn } from '../../../runtime/json/i-json-faults';

/** Pointers and details of the faults of a text. */
function faultsOf(input: string | Uint8Array): string[] {
  try {
    parseIJson(input);
  } catch (error) {
    assert.ok(error instanceof MalformedError, String(error));
    assert.equal(error.status, 400);
    return error.faults.map(({ pointer, detail }) => `${pointer}: ${detail}`);
  }
  return [];
}

function assertRefused(input: string | Uint8Array, ...expected: RegExp[]): void {
  const faults = faultsOf(input);
  assert.equal(faults.length, expected.length, `${String(input).slice(0, 80)}: ${faults.join('; ')}`);
  for (const [index, pattern] of expected.entries()) assert.match(faults[index] ?? '', pattern);
}

describe('I-JSON', () => {
  it('must read any JSON value as JSON.parse does, from text and from bytes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
        for (const text of [JSON.stringify(value), JSON.stringify(value, null, 2)]) {
          // U+0000 is the only character that JSON allows and a span does not.
          if (text.includes('\\u0000')) continue;
          assert.deepEqual(parseIJson(text), JSON.parse(text));
          assert.deepEqual(parseIJson(Buffer.from(text)), JSON.parse(text));
        }
      }),
    );
  });

  it('must reach the same verdict by the quick look as by the full scan', () => {
    const piece = fc.constantFrom(
      ...['"a":1', '"a":2', '"b":"x:y"', '"c":":"', '"d":"\\":"', '"a" : "\\u00e9"', '"e":1e5', '"e":1e400'],
      ...[
        '"f":12345678901234567',
        '"g":{"a":1,"a":2}',
        '"h":"\\ud83d\\ude00"',
        '"i":"\\ud83d"',
        '"a/b":[1,{"a":0}]',
      ],
      ...[
        '"":0',
        '"":1',
        '"\\u0061":3',
        '"j":"\\u0000"',
        '"k":0.1',
        '"l":[0.12345678901234567890]',
        '"m":-1e-400',
      ],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 5 }), (members) => {
        const text = `{${members.join(',')}}`;
        assert.deepEqual(
          faultsOf(text),
          faultsIn(text).map(({ pointer, detail }) => `${pointer}: ${detail}`),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('must let others have the thread every few thousand tokens of a full scan, and find the same', async () => {
    const members = Array.from({ length: 20_000 }, (_, index) => `"a${index}":1e5`);
    for (const [text, faults] of [
      [`{${members.join(',')}}`, 0],
      [`{${members.join(',')},"a1":1e400}`, 2],
    ] as const) {
      let pauses = 0;
      const parsing = parseIJsonInSlices(text, () => {
        pauses += 1;
        return undefined;
      });
      if (faults === 0) assert.deepEqual(await parsing, JSON.parse(text));
      else
        await assert.rejects(
          parsing,
          (error) => error instanceof MalformedError && error.faults.length === faults,
        );
      // A member is four tokens.
      assert.ok(pauses >= 15, `${pauses} pauses`);
    }
  });

  it('must not scan a text for its escaped pairs of surrogates', async () => {
    let pauses = 0;
    const text = JSON.stringify(Array(20_000).fill('x')).replaceAll('x', '\\ud83d\\ude00');
    const parsed = await parseIJsonInSlices(text, () => {
      pauses += 1;
      return undefined;
    });
    assert.deepEqual(parsed, Array(20_000).fill('😀'));
    assert.equal(pauses, 1);
  });

  describe('must refuse', () => {
    it('invalid JSON, with one fault for the whole', () => {
      const wrong = [
        '',
        ' ',
        '{',
        '{"a":}',
        "{'a':1}",
        '[1,]',
        '{"a":1,}',
        '01',
        '+1',
        '.5',
        '1.',
        'NaN',
        'Infinity',
      ];
      for (const text of [
        ...wrong,
        '0x1',
        '"\t"',
        '"\\x"',
        '{} {}',
        '// c\n1',
        'undefined',
        '\ufeff{}',
        '"a\u0000"',
      ]) {
        assertRefused(text, /^: not JSON/);
      }
    });

    it('bytes that are no UTF-8', () => {
      const wrong = [
        [0x22, 0xff, 0x22],
        [0x22, 0xc0, 0x80, 0x22],
        [0x22, 0xed, 0xa0, 0x80, 0x22],
        [0x22, 0xe2, 0x82, 0x22],
        [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22],
      ];
      for (const bytes of wrong) assertRefused(Uint8Array.from(bytes), /^: the body is not valid UTF-8/);
      assertRefused(Buffer.from('{}', 'utf16le'), /not JSON/);
    });

    it('a byte order mark', () => {
      assertRefused(Buffer.from('\ufeff{}'), /byte order mark/);
    });

    it('U+0000 in a value or a name', () => {
      assertRefused('{"a":["x\\u0000y"]}', /^\/a\/0: the string contains U\+0000/);
      assertRefused('{"\\u0000":1}', /: the member name contains U\+0000/);
    });

    it('lone surrogates in a value or a name, escaped or raw', () => {
      for (const text of ['\\ud800', '\\uDFFF', '\\ude00\\ud83d', '\\ud83dx', '\ud800', '\\uD83D\\u0041']) {
        assertRefused(`{"a":"${text}"}`, /^\/a: the string contains a lone surrogate/);
        assertRefused(`{"${text}":1}`, /^\/.*\ufffd.*: the member name contains a lone surrogate/);
      }
    });

    it('a member name twice in one object, also when spelled differently', () => {
      assertRefused('{"a":1,"a":1}', /^\/a: the member name appears twice/);
      assertRefused('{"a":1,"\\u0061":1}', /^\/a: /);
      assertRefused('[{"x":{"a/b~":1,"b":2,"a\\/b~":3}}]', /^\/0\/x\/a~1b~0: /);
      assertRefused('{"":1,"":2}', /^\/: /);
      assertRefused('{"__proto__":1,"__proto__":2}', /^\/__proto__: /);
      assertRefused('{"a":1,"a":1,"c":":"}', /^\/a: /);
    });

    it('integers that are no double', () => {
      for (const number of [
        '9007199254740993',
        '-9007199254740993',
        '100000000000000000001',
        '1'.repeat(400),
      ]) {
        assertRefused(`{"a":${number}}`, /^\/a: .* is not a number that a double holds exactly/);
        assertRefused(number, /^: /);
        assertRefused(`[ ${number} ]`, /^\/0: /);
      }
    });

    it('numbers that overflow, underflow, or say more than a double', () => {
      const wrong = ['1e400', '-1e400', '1E+309', '1e-400', '4e-324', '0.1234567890123456789'];
      for (const number of [
        ...wrong,
        '3.14159265358979323846',
        '9007199254740993.0',
        '0.1000000000000000055511151231257827021181583404541015625',
        '1.8446744073709551616e19',
        '18014398509481985e0',
        '123456789012345678e1',
      ]) {
        assertRefused(`{"a":[0,${number}]}`, /^\/a\/1: /);
        assertRefused(`{"a":\n${number}\n}`, /^\/a: /);
      }
    });

    it('nesting deeper than 128 levels', () => {
      assertRefused(`${'['.repeat(129)}${']'.repeat(129)}`, /nested deeper than 128 levels/);
      assertRefused(`${'{"a":'.repeat(129)}1${'}'.repeat(129)}`, /^(\/a){128}: nested deeper/);
      assertRefused(`${'['.repeat(100_000)}${']'.repeat(100_000)}`, /nested deeper/);
    });

    it('everything at once, each with its place', () => {
      assertRefused(
        '{"a":1e400,"b":["\\u0000",{"c":9007199254740993,"c":1}],"a":"\\ud800"}',
        /^\/a: 1e400/,
        /^\/b\/0: .*U\+0000/,
        /^\/b\/1\/c: 9007199254740993/,
        /^\/b\/1\/c: .*twice/,
        /^\/a: .*twice/,
        /^\/a: .*surrogate/,
      );
    });

    it('no more than a hundred faults at a time', () => {
      assert.equal(faultsOf(`[${Array(500).fill('1e400').join(',')}]`).length, 100);
    });
  });

  describe('must accept', () => {
    it('128 levels', () => {
      assert.deepEqual(faultsOf(`${'['.repeat(128)}${']'.repeat(128)}`), []);
      assert.deepEqual(faultsOf(`${'{"a":'.repeat(127)}{"b":1e5}${'}'.repeat(127)}`), []);
    });

    it('the largest integers and doubles, and every way to write a number that survives', () => {
      const good = [
        '9007199254740991',
        '-9007199254740991',
        '0',
        '-0',
        '0.0',
        '-0.0e5',
        '1.50',
        '1e20',
        '1E+2',
        '5e-324',
      ];
      for (const number of [
        ...good,
        '1.7976931348623157e308',
        '0.1',
        '333333333.33333329',
        '0.10000000000000001',
      ]) {
        assert.equal(parseIJson(`[${number}]`)?.toString(), [Number(number)].toString());
      }
    });

    it('integers that equal their double, or are how RFC 8785 prints it, and no others', () => {
      const good = [
        '9007199254740992',
        '-1152921504606846976',
        '100000000000000000000',
        '123456789012345680000',
      ];
      for (const number of [...good, '1208925819614629174706176', '1152921504606847000'])
        assert.deepEqual(parseIJson(`{"value":${number}}`), { value: Number(number) });
      for (const number of ['9007199254740993', '12345678901234567890', '100000000000000000001'])
        assertRefused(`{"value":${number}}`, /^\/value: /);
    });

    it('names and strings that only look like trouble', () => {
      const text =
        '{"a:":":","b\\":":"\\":","c":"9007199254740993, 1e400","\\\\u0000":"\\\\ud800","d":"\\ud83d\\ude00"}';
      assert.deepEqual(parseIJson(text), JSON.parse(text));
    });

    it('the same name in different objects', () => {
      assert.deepEqual(faultsOf('[{"a":{"a":1}},{"a":2}]'), []);
    });

    it('white space of every kind', () => {
      assert.deepEqual(parseIJson(' {\t"a"\r\n: [ 1e2 , 2 ] } \n'), { a: [100, 2] });
    });
  });

  it('must give __proto__ as a member, never as a prototype', () => {
    for (const text of ['{"__proto__":{"admin":true}}', '{"__proto__":{"admin":true},"n":1e2}']) {
      const value = parseIJson(text);
      assert.ok(typeof value === 'object' && value !== null);
      assert.deepEqual(Object.keys(value)[0], '__proto__');
      assert.equal(Object.getPrototypeOf(value), Object.prototype);
      assert.equal('admin' in value, false);
    }
  });

  it('must take time linear in the text for pathological input', () => {
    // Each of these makes a careless regular expression or scan quadratic; the test's timeout is the assertion.
    const size = 2_000_000;
    const texts = [
      `[0.${'0'.repeat(size)}1]`,
      `["${'\\u0000'.repeat(size / 6)}"]`,
      `[${'"":"",'.repeat(size / 6)}1]`.replaceAll('"":"",', '{"":1},'),
      `["${':'.repeat(size)}",1e400]`,
      `{"a"${' '.repeat(size)}:1e400}`,
      `["${'1.'.repeat(size / 2)}e"]`,
      `["${'\\"'.repeat(size / 2)}",1e400]`,
    ];
    for (const text of texts) faultsOf(text);
  });
});

describe('an exact number', () => {
  it('must be every double in its shortest form', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        assert.equal(isExactNumber(String(value)), true, String(value));
      }),
    );
  });

  it('must be every double in 17 digits where doubles are even, elsewhere only in the digits it prints', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = value.toExponential(16);
        const isEven = value === 0 || (Math.abs(value) >= 2.3e-308 && Math.abs(value) < 2 ** 53);
        const digitsOf = (exponential: string) => exponential.split('e')[0]?.replace(/\.?0*$/, '');
        const isPrinted = digitsOf(text) === digitsOf(value.toExponential());
        assert.equal(isExactNumber(text), isEven || isPrinted, text);
      }),
    );
  });

  it('must point at what surrounds a fault below a name that is too long to repeat', () => {
    const long = 'n'.repeat(2_000);
    assert.deepEqual(
      faultsIn(JSON.stringify({ a: { '~/': ['\0'], [long]: { b: '\0' } } })).map(({ pointer }) => pointer),
      ['/a/~0~1/0', '/a'],
    );
  });
});
