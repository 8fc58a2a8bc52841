import assert from 'node:assert/strict';
import { poolFor, SHORT } from './sandbox-fixture';

describe('sandbox outcome', () => {
  const sandbox = poolFor();

  const entries: Record<string, string> = {
    'a function declaration': 'function main(ctx, input) { return input; }',
    'an async function declaration': 'async function main(ctx, input) { return input; }',
    'a const arrow function': 'const main = async (ctx, input) => input;',
    'a let function expression': 'let main = function (ctx, input) { return input; };',
    'a class static method assigned to var':
      'class A { static run(ctx, input) { return input; } } var main = A.run;',
    'a property of globalThis': 'globalThis.main = (ctx, input) => input;',
    'an exported function': 'export function main(ctx, input) { return input; }',
    'an exported async const': 'export const main = async (ctx, input) => input;',
    'a default export': 'export default async (ctx, input) => input;',
  };
  for (const [what, code] of Object.entries(entries)) {
    it(`runs main given as ${what}`, async () => {
      assert.deepEqual(await sandbox.output(code, { input: { a: [1] } }), { a: [1] });
    });
  }

  it('calls on(span, ctx) of a policy, the span first', async () => {
    const code = 'const on = (span, ctx) => [span.id, ctx.env.APP_TENANT_ID];';
    assert.deepEqual(await sandbox.output(code, { entry: 'on', input: { id: 7 } }), [7, 'acme']);
  });

  const missing: Record<string, string> = {
    nothing: '',
    'another name': 'function other() {}',
    'a main that is not a function': 'const main = 1;',
    'only the entry of a policy': 'function on() {}',
  };
  for (const [what, code] of Object.entries(missing)) {
    it(`reports that main is missing when the code defines ${what}`, async () => {
      assert.match((await sandbox.error('no_entry', code)).message, /main\(ctx, input\)/);
    });
  }

  const results: [string, string, unknown][] = [
    ['undefined as null', 'undefined', null],
    ['null', 'null', null],
    ['a number', '1.5', 1.5],
    ['NaN as null', 'NaN', null],
    ['a date as ISO text', 'new Date(0)', '1970-01-01T00:00:00.000Z'],
    ['members that are undefined or functions as absent', '({ a: undefined, b() {}, c: 1 })', { c: 1 }],
    ['a promise of a promise as its value', 'Promise.resolve(Promise.resolve(new Promise((r) => r(3))))', 3],
    ['a thenable as its value', '({ then(resolve) { resolve(4); } })', 4],
    ['a proxy as what it shows', 'new Proxy({ a: 1 }, { get: (t, k) => (k === "a" ? 2 : t[k]) })', { a: 2 }],
    ['what toJSON says', '({ toJSON: () => "j" })', 'j'],
    ['a lone surrogate unharmed', '"\\ud800"', '\ud800'],
    ['U+0000 unharmed', '"a\\u0000b"', 'a\u0000b'],
  ];
  for (const [what, expression, expected] of results) {
    it(`returns ${what}`, async () => {
      assert.deepEqual(await sandbox.output(`function main() { return ${expression}; }`), expected);
    });
  }

  const badResults: [string, string, RegExp][] = [
    ['a cycle', '(() => { const a = {}; a.a = a; return a; })()', /circular/],
    ['a BigInt', '1n', /BigInt|bigint/],
    ['a function', '() => 1', /function, which JSON cannot carry/],
    ['a symbol', 'Symbol("s")', /symbol, which JSON cannot carry/],
    ['a getter that throws', '({ get a() { throw new Error("boo"); } })', /boo/],
    ['a proxy that throws', 'new Proxy({}, { ownKeys() { throw new Error("no keys"); } })', /no keys/],
    ['a toJSON that throws null', '({ toJSON() { throw null; } })', /null/],
    [
      'nesting beyond 128 levels',
      '(() => { let a = []; for (let i = 0; i < 300; i++) a = [a]; return a; })()',
      /nested deeper than 128/,
    ],
    ['a member named __proto__', 'JSON.parse(\'{"a":[{"__proto__":{"polluted":true}}]}\')', /__proto__/],
  ];
  for (const [what, expression, message] of badResults) {
    it(`refuses a result with ${what} and says so`, async () => {
      const error = await sandbox.error('bad_result', `function main() { return ${expression}; }`);
      assert.match(error.message, message);
      assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false);
    });
  }

  const thrown: [string, string, string, string][] = [
    ['an Error', 'new TypeError("x")', 'TypeError', 'x'],
    ['an error class of its own', 'new (class Mine extends Error { name = "Mine"; })("m")', 'Mine', 'm'],
    ['a string', '"plain"', 'Thrown', 'plain'],
    ['null', 'null', 'Thrown', 'null'],
    ['undefined', 'undefined', 'Thrown', 'undefined'],
    ['a symbol', 'Symbol("s")', 'Thrown', 'Symbol(s)'],
    ['a BigInt', '10n', 'Thrown', '10n'],
    ['a plain object', '({ a: 1 })', 'Thrown', '{"a":1}'],
    [
      'an object whose getters throw',
      '({ get message() { throw 1; }, get stack() { throw 2; }, get a() { throw 3; } })',
      'Thrown',
      '[unreadable]',
    ],
    [
      'a hostile proxy',
      'new Proxy({}, { get() { throw 1; }, getPrototypeOf() { throw 2; }, ownKeys() { throw 3; } })',
      'Thrown',
      '[unreadable]',
    ],
    ['an error whose name is an object', 'Object.assign(new Error("odd"), { name: {} })', 'Error', 'odd'],
  ];
  for (const [what, expression, name, message] of thrown) {
    it(`reports ${what} that main throws`, async () => {
      const error = await sandbox.error('thrown', `function main() { throw ${expression}; }`);
      assert.deepEqual([error.name, error.message], [name, message]);
    });
    it(`reports ${what} that main rejects with`, async () => {
      const error = await sandbox.error('thrown', `const main = () => Promise.reject(${expression});`);
      assert.deepEqual([error.name, error.message], [name, message]);
    });
  }

  it('clips an enormous error message', async () => {
    const error = await sandbox.error('thrown', 'function main() { throw new Error("x".repeat(1e6)); }');
    assert.ok(error.message.length <= 4_000);
  });

  it('keeps the code of a thrown error', async () => {
    const error = await sandbox.error(
      'thrown',
      'function main() { throw Object.assign(new Error("m"), { code: "E_MINE" }); }',
    );
    assert.equal(error.cause_code, 'E_MINE');
  });

  it('points at the line and column of the code that threw', async () => {
    const error = await sandbox.error(
      'thrown',
      'function helper() {\n  nothing.here();\n}\nfunction main() {\n  helper();\n}',
      {
        filename: 'tax.js',
      },
    );
    assert.deepEqual([error.name, error.line, error.column], ['ReferenceError', 2, 3]);
    assert.equal(error.stack, '    at helper (tax.js:2:3)\n    at main (tax.js:5:3)');
  });

  it('points at the line after an await', async () => {
    const error = await sandbox.error(
      'thrown',
      'async function main() {\n  await 1;\n\n  throw new Error("late");\n}',
    );
    assert.equal(error.line, 4);
  });

  it('points at the line of the ctx call that failed', async () => {
    const hostCall = async () => {
      throw new Error('no such table');
    };
    const code = `async function main(ctx) {\n  const a = 1;\n  return await ctx.sql\`SELECT \${a}\`;\n}`;
    const error = await sandbox.error('thrown', code, { hostCall });
    assert.deepEqual([error.message, error.line], ['no such table', 3]);
  });

  it('points at the line of a syntax error, and runs nothing', async () => {
    const error = await sandbox.error('syntax', 'console.log("ran");\nfunction main() {\n  return 1 +;\n}');
    assert.deepEqual([error.name, error.line], ['SyntaxError', 3]);
  });

  it('distinguishes a SyntaxError that the code throws from one in the code', async () => {
    await sandbox.error('thrown', 'JSON.parse("{"); function main() {}');
    await sandbox.error('syntax', 'function main( {');
  });

  it('names no frame of the host in a stack', async () => {
    const error = await sandbox.error('thrown', 'function main(ctx) { ctx.sql("SELECT 1"); }');
    assert.doesNotMatch(error.stack ?? '', /<ctx>|\.cts|node:|native/);
  });

  it('reports at once that a promise can never resolve', async () => {
    const error = await sandbox.error('never_resolved', 'const main = () => new Promise(() => {});', {
      limits: SHORT,
    });
    assert.match(error.message, /never resolve/);
  });

  it('keeps console lines in order, with their level, also of a run that fails', async () => {
    const code =
      'function main() { console.log("a", 1, null, { b: [2] }); console.warn("w"); console.error(new TypeError("t")); throw 1; }';
    const { logs } = await sandbox.run(code);
    assert.deepEqual(logs.slice(0, 2), [
      { level: 'info', text: 'a 1 null {"b":[2]}' },
      { level: 'warn', text: 'w' },
    ]);
    assert.match(logs[2]?.text ?? '', /^TypeError: t\n/);
  });

  it('keeps console lines of a run that has to be terminated', async () => {
    const { logs } = await sandbox.run(
      'function main() { console.log("before"); return (new Array(1e9) + "").length; }',
      {
        limits: SHORT,
      },
    );
    assert.deepEqual(logs, [{ level: 'info', text: 'before' }]);
  });

  it('survives console arguments that cannot be read', async () => {
    const code =
      'function main() { const a = {}; a.a = a; console.log(a, Symbol("s"), 1n, () => 1, new Proxy({}, { get() { throw 1; } })); }';
    const { ok, logs } = await sandbox.run(code);
    assert.equal(ok, true);
    assert.equal(logs[0]?.text, '[unreadable] Symbol(s) 1n [Function anonymous] [unreadable]');
  });

  it('reports CPU time and the number of calls', async () => {
    const outcome = await sandbox.run(
      'async function main(ctx) { for (let i = 0; i < 2e6; i++); await ctx.sql`SELECT 1`; await ctx.now(); }',
    );
    assert.ok(outcome.cpuMs > 0);
    assert.equal(outcome.calls, 1);
  });
});
