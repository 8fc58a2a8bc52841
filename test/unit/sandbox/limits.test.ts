import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DEFAULT_LIMITS, resolveLimits } from '../../../runtime/sandbox/limits';
import { MAX_REQUEST_BYTES } from '../../../runtime/stage0/request-body';
import { poolFor, SHORT } from './sandbox-fixture';

describe('sandbox limits', () => {
  const sandbox = poolFor();
  const cpuLimited: Record<string, string> = {
    'an infinite loop': 'function main() { for (;;); }',
    'an infinite loop before main is defined': 'for (;;); function main() {}',
    'an infinite loop that catches everything':
      'function main() { for (;;) { try { for (;;); } catch {} finally { for (;;); } } }',
    'an infinite await loop': 'async function main() { for (;;) await 0; }',
    'an endless chain of microtasks':
      'function main() { const again = () => Promise.resolve().then(again); again(); return new Promise(() => {}); }',
    'a microtask that loops after main has begun to wait':
      'async function main(ctx) { await ctx.sql`SELECT 1`; for (;;); }',
    'a thenable that resolves with itself':
      'function main() { return { then(resolve) { resolve(this); } }; }',
    'catastrophic backtracking in a regular expression':
      'function main() { return /^(a+)+$/.test("a".repeat(40) + "b"); }',
    'one long call in C (join of a huge array)': 'function main() { return (new Array(1e9) + "").length; }',
    'one long call in C (indexOf)':
      'function main() { return Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1); }',
    'a getter in the result that never returns': 'function main() { return { get a() { for (;;); } }; }',
    'a toJSON that never returns': 'function main() { return { toJSON() { for (;;); } }; }',
    'a thrown value whose message never returns':
      'function main() { throw { get message() { for (;;); } }; }',
    'an entry that is a getter which never returns':
      'Object.defineProperty(globalThis, "main", { get() { for (;;); } });',
    'a finalizer that loops':
      'function main() { const r = new FinalizationRegistry(() => { for (;;); }); for (let i = 0; i < 1e4; i++) r.register({}, 1); return new Promise(() => {}); }',
  };
  for (const [what, code] of Object.entries(cpuLimited)) {
    it(`ends ${what} when its CPU time is used up`, async () => {
      const error = await sandbox.error('cpu_limit', code, { limits: SHORT });
      assert.match(error.message, /used up its 150 ms of CPU time/);
    });
  }

  it('works on few calls of a run at a time, and answers all', async () => {
    let underWay = 0;
    let most = 0;
    const hostCall = async (): Promise<number> => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise(setImmediate);
      underWay -= 1;
      return 1;
    };
    const code =
      'async function main(ctx) { return (await Promise.all(Array.from({ length: 500 }, () => ctx.insertSpan({})))).length; }';
    assert.equal(await sandbox.output(code, { hostCall }), 500);
    assert.ok(most <= 8, `${most} calls at a time`);
  });

  it('refuses more JSON values than the main thread should parse, in a call and in a result', async () => {
    const result = await sandbox.error('bad_result', 'function main() { return Array(120000).fill(1); }');
    assert.match(result.message, /more than 100000 JSON values/);
    const call = await sandbox.error(
      'thrown',
      'async function main(ctx) { await ctx.verifySpan({ metadata: Array(120000).fill({}) }); }',
    );
    assert.match(call.message, /more than 100000 JSON values/);
    assert.equal(await sandbox.output('function main() { return Array(90000).fill(1).length; }'), 90_000);
  });

  it('interrupts a loop at its limit, and terminates the thread only for code that cannot be interrupted', async () => {
    // A thread is terminated at a wall time of four times its CPU limit plus 250 ms. On a busy machine
    // a loop may reach that first, but not every time.
    const limits = { cpuMs: 20, wallMs: 60_000 };
    const used: number[] = [];
    for (let attempt = 0; attempt < 20 && !used.some((ms) => ms < 4 * limits.cpuMs + 250); attempt += 1) {
      const loop = await sandbox.run('function main() { for (;;); }', { limits });
      assert.equal(loop.ok ? undefined : loop.error.code, 'cpu_limit');
      assert.ok(loop.cpuMs >= limits.cpuMs);
      used.push(loop.cpuMs);
    }
    assert.ok((used.at(-1) ?? 0) < 4 * limits.cpuMs + 250, `terminated each time, after ${used} ms`);
  });

  const memoryLimited: Record<string, string> = {
    'a growing array': 'function main() { const a = []; for (;;) a.push({}); }',
    'a growing array in a promise job':
      'async function main() { await 0; const a = []; for (;;) a.push({}); }',
    'array buffers': 'function main() { const a = []; for (;;) a.push(new ArrayBuffer(1e6)); }',
    'one huge array buffer': 'function main() { return new ArrayBuffer(2 ** 31 - 1).byteLength; }',
    'a second attempt after catching the first':
      'function main() { const a = []; try { for (;;) a.push(new Array(1000).fill(1)); } catch { for (;;) a.push([]); } }',
  };
  for (const [what, code] of Object.entries(memoryLimited)) {
    it(`ends a run that exhausts its memory with ${what}`, async () => {
      await sandbox.error('memory_limit', code, { limits: { memoryBytes: 8 * 1024 * 1024 } });
    });
  }

  const stackLimited: Record<string, string> = {
    'deep recursion': 'function main() { return main() + 1; }',
    'deep recursion in a promise job':
      'async function main() { await 0; const f = () => f() + 1; return f(); }',
    'recursion through toString':
      'function main() { const o = { toString() { return "" + this; } }; return "" + o; }',
    'a chain of proxies':
      'function main() { let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); return p.x; }',
    'deeply nested source': `function main() { return ${'('.repeat(1e5)}1${')'.repeat(1e5)}; }`,
    'deeply nested JSON': 'function main() { return JSON.parse("[".repeat(1e6)); }',
  };
  for (const [what, code] of Object.entries(stackLimited)) {
    it(`ends ${what} as a stack limit and not as a crash of the thread`, async () => {
      await sandbox.error('stack_limit', code);
    });
  }

  it('counts waiting for a host call as wall time', async () => {
    const code = 'async function main(ctx) { await ctx.sql`SELECT 1`; }';
    const error = await sandbox.error('wall_limit', code, {
      hostCall: () => new Promise(() => {}),
      limits: { wallMs: 50 },
    });
    assert.match(error.message, /longer than 50 ms/);
  });

  it('does not count waiting for a host call as CPU time', async () => {
    const hostCall = async () => {
      for (const end = performance.now() + 120; performance.now() < end; );
      return null;
    };
    const code = 'async function main(ctx) { await ctx.sql`SELECT 1`; return "done"; }';
    assert.equal(await sandbox.output(code, { hostCall, limits: { cpuMs: 100, wallMs: 20_000 } }), 'done');
  });

  it('refuses a result larger than the output limit before it is copied out', async () => {
    const error = await sandbox.error('output_limit', 'function main() { return "x".repeat(5e6); }');
    assert.match(error.message, /1048576 bytes/);
  });

  it('measures the output limit in bytes of UTF-8, not in characters', async () => {
    const limits = { outputBytes: 100 };
    await sandbox.error('output_limit', 'function main() { return "€".repeat(50); }', { limits });
    assert.equal(
      await sandbox.output('function main() { return "€".repeat(30); }', { limits }),
      '€'.repeat(30),
    );
  });

  it('ends a run that makes more ctx calls than allowed, even if it catches errors', async () => {
    let calls = 0;
    const hostCall = async () => {
      calls++;
      return null;
    };
    const code = 'async function main(ctx) { for (;;) { try { await ctx.sql`SELECT 1`; } catch {} } }';
    await sandbox.error('call_limit', code, { hostCall, limits: { maxCalls: 10 } });
    assert.equal(calls, 10);
  });

  it('counts calls that are made at once like calls that are awaited', async () => {
    let calls = 0;
    const hostCall = async () => {
      calls++;
      return null;
    };
    const code = 'function main(ctx) { for (let i = 0; i < 1e6; i++) ctx.sql`SELECT 1`; }';
    await sandbox.error('call_limit', code, { hostCall, limits: { maxCalls: 10 } });
    assert.equal(calls, 10);
  });

  it('refuses an argument that is larger than its limit, and the code can catch the error', async () => {
    const code =
      'async function main(ctx) { try { await ctx.insertSpan({ this: "x".repeat(3e6) }); } catch (e) { return e.message; } }';
    assert.match(
      String(await sandbox.output(code)),
      /ctx\.insertSpan: the argument is larger than 1114112 bytes/,
    );
  });

  it('ends a run whose calls move more bytes than allowed, in either direction', async () => {
    const limits = { trafficBytes: 100_000 };
    const out = `async function main(ctx) { for (;;) await ctx.insertSpan({ this: 'x'.repeat(1000) }); }`;
    await sandbox.error('call_limit', out, { limits, hostCall: async () => null });
    const back = 'async function main(ctx) { for (;;) await ctx.sql`SELECT 1`; }';
    const error = await sandbox.error('call_limit', back, {
      limits,
      hostCall: async () => 'x'.repeat(1_000),
    });
    assert.match(error.message, /more than 100000 bytes/);
  });

  it('throws in the code when the answer of a call is too large', async () => {
    const code = 'async function main(ctx) { try { await ctx.sql`SELECT 1`; } catch (e) { return e.code; } }';
    const hostCall = async () => 'x'.repeat(2_000);
    assert.equal(await sandbox.output(code, { hostCall, limits: { answerBytes: 1_000 } }), 'answer_limit');
  });

  it('keeps console output up to its limits and reports that the rest was dropped', async () => {
    const outcome = await sandbox.run(
      'function main() { for (let i = 0; i < 1e6; i++) console.log(i); return "end"; }',
    );
    assert.equal(outcome.ok, true);
    assert.equal(outcome.logs.length, 1_001);
    assert.match(outcome.logs.at(-1)?.text ?? '', /is dropped/);
  });

  it('keeps the bytes of console output bounded when a line is enormous', async () => {
    const outcome = await sandbox.run(
      'function main() { console.log("a"); console.log("x".repeat(1e7)); console.log("b"); }',
    );
    assert.deepEqual(
      outcome.logs.map(({ text }) => text.slice(0, 1)),
      ['a', '('],
    );
  });

  it('refuses code and input that are too large without running anything', async () => {
    await sandbox.error('input_limit', `function main() {} //${'x'.repeat(2_000)}`, {
      limits: { maxCodeBytes: 1_000 },
    });
    const extras = { input: 'x'.repeat(2_000), limits: { maxInputBytes: 1_000 } };
    await sandbox.error('input_limit', 'function main() {}', extras);
  });

  it('are by default those that the guide names', () => {
    const guide = readFileSync(path.resolve(__dirname, '..', '..', '..', 'docs', 'functions.md'), 'utf8');
    const KIB = 1024;
    const MIB = 1024 * KIB;
    const limits = DEFAULT_LIMITS;
    const count = (number: number) => number.toLocaleString('en-US');
    const rows = {
      'processor time in the sandbox': `${limits.cpuMs / 1_000} s |`,
      'wall time, waiting included': `${limits.wallMs / 1_000} s |`,
      heap: `${limits.memoryBytes / MIB} MiB |`,
      stack: `${limits.stackBytes / KIB} KiB |`,
      code: `${limits.maxCodeBytes / MIB} MiB |`,
      'calls of `ctx`': `${count(limits.maxCalls)}; eight at a time,`,
      'argument of a call': `1 MiB + ${(limits.callBytes - MIB) / KIB} KiB |`,
      'answer of a call': `${limits.answerBytes / MIB} MiB |`,
      'arguments and answers together': `${limits.trafficBytes / MIB} MiB |`,
      result: `${limits.outputBytes / MIB} MiB,`,
      'console output': `${limits.maxLogBytes / KIB} KiB, ${count(limits.maxLogLines)} lines |`,
    };
    for (const [what, amount] of Object.entries(rows))
      assert.ok(guide.includes(`| ${what} | ${amount}`), what);
    // Any input that a request can hold, and little more.
    assert.ok(limits.maxInputBytes > MAX_REQUEST_BYTES && limits.maxInputBytes < 2 * MAX_REQUEST_BYTES);
  });

  it('refuses a limit that is not a number, which would limit nothing', () => {
    assert.throws(() => resolveLimits({ cpuMs: Number.NaN }, 1e9), /cpuMs: expected a finite number/);
    assert.throws(() => resolveLimits({ wallMs: Number.POSITIVE_INFINITY }, 1e9), RangeError);
  });

  it("limits memory and stack to the sandbox's own maximum", () => {
    const limits = resolveLimits({ memoryBytes: 1e12, stackBytes: 1e9 }, 64 * 1024 * 1024);
    assert.equal(limits.memoryBytes, 64 * 1024 * 1024);
    assert.equal(limits.stackBytes, 256 * 1024);
  });
});
