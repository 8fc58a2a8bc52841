import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { SandboxPool } from '../../../runtime/sandbox';
import { GUEST_PRELUDE } from '../../../runtime/sandbox/guest-prelude';
import { wasmFile } from '../../../runtime/sandbox/wasm-module';
import type { MakeInstance } from '../../../runtime/sandbox/worker-parts';
import { poolFor, SHORT, task } from './sandbox-fixture';

describe('sandbox isolation', () => {
  const sandbox = poolFor({ size: 1 });

  const escapes: Record<string, string> = {
    'constructor.constructor': 'main.constructor.constructor("return process")()',
    'the constructor of ctx.sql': 'ctx.sql.constructor("return process")()',
    'the constructor of a promise of the bridge':
      'ctx.sql`SELECT 1`.constructor.constructor("return process")()',
    'indirect eval': '(0, eval)("process")',
    require: 'require("node:fs")',
    module: 'module.constructor._load("fs")',
    'import()': 'import("node:fs")',
    fetch: 'fetch("http://127.0.0.1")',
    setTimeout: 'setTimeout(() => {}, 1)',
    WebAssembly: 'new WebAssembly.Memory({ initial: 1 })',
    Worker: 'new Worker("data:")',
    'the caller of main': 'main.caller.arguments',
  };
  for (const [what, expression] of Object.entries(escapes)) {
    it(`gives no way out through ${what}`, async () => {
      await sandbox.error('thrown', `async function main(ctx) { return await ${expression}; }`);
    });
  }

  it('has no globals except those of the language, console and performance', async () => {
    const names = await sandbox.output('function main() { return Object.getOwnPropertyNames(globalThis); }');
    assert.ok(Array.isArray(names));
    const host = [
      'process',
      'require',
      'module',
      'fetch',
      'setTimeout',
      'Buffer',
      'std',
      'os',
      'bjson',
      'scriptArgs',
      'print',
    ];
    assert.deepEqual(
      names.filter((name) => host.includes(name)),
      [],
    );
  });

  it('shows the code nothing of the environment but ctx.env', async () => {
    process.env.LOGLINE_SANDBOX_TEST = 'secret';
    try {
      const code = `function main(ctx) {
        const seen = [];
        const walk = (o, depth) => {
          if ((typeof o !== 'object' && typeof o !== 'function') || o === null || seen.includes(o) || depth > 6) return;
          seen.push(o);
          for (const key of Reflect.ownKeys(o)) {
            try { if (o[key] === 'secret') throw new Error('found'); walk(o[key], depth + 1); } catch (e) { if (e.message === 'found') throw e; }
          }
          walk(Object.getPrototypeOf(o), depth + 1);
        };
        walk(globalThis, 0); walk(ctx, 0);
        return [seen.length > 100, Object.keys(ctx.env)];
      }`;
      assert.deepEqual(await sandbox.output(code), [true, ['APP_USER_ID', 'APP_TENANT_ID']]);
    } finally {
      delete process.env.LOGLINE_SANDBOX_TEST;
    }
  });

  it('shows the code no stack, message or object of the host in an error of a call', async () => {
    const hostCall = async () => {
      throw Object.assign(new Error('refused'), {
        code: 'forbidden',
        detail: 'secret',
        cause: new Error('secret'),
      });
    };
    const code = `async function main(ctx) {
      try { await ctx.insertSpan({}); } catch (e) {
        return { own: Reflect.ownKeys(e).filter((k) => k !== 'stack').sort(), all: e.message + e.code + e.stack, isError: e.constructor === Error };
      }
    }`;
    const seen = JSON.stringify(await sandbox.output(code, { hostCall }));
    assert.doesNotMatch(seen, /secret|node:|\.ts/);
    assert.match(seen, /"own":\["code","message"\]/);
    assert.match(seen, /"isError":true/);
  });

  const leftovers: Record<string, string> = {
    'a global variable': 'leaked = "secret"; function main() {}',
    'a var and a function declaration': 'var leaked = "secret"; function leakedToo() {} function main() {}',
    'a top-level const': 'const leaked = "secret"; function main() {}',
    'a changed prototype':
      'Object.prototype.leaked = "secret"; Array.prototype.leaked = "secret"; function main() {}',
    'a replaced intrinsic':
      'JSON.parse = Promise.prototype.then = Array.prototype.push = () => "secret"; JSON.leaked = "secret"; function main() {}',
    'a registered symbol': 'globalThis[Symbol.for("leaked")] = "secret"; function main() {}',
    'a heap that outgrew its first memory':
      'globalThis.leaked = Array.from({ length: 3e5 }, () => ({ s: "secret" })); function main() {}',
    'a pending promise':
      'function main(ctx) { globalThis.leaked = "secret"; ctx.sql`SELECT 1`.then(() => { globalThis.leaked = "later"; }); }',
    'an aborted loop': 'globalThis.leaked = "secret"; function main() { for (;;); }',
    'an exhausted memory': 'globalThis.leaked = []; function main() { for (;;) leaked.push({}); }',
    'an overflown stack': 'globalThis.leaked = "secret"; function main() { main(); }',
  };
  for (const [what, code] of Object.entries(leftovers)) {
    it(`leaves nothing behind in the next run: ${what}`, async () => {
      await sandbox.run(code, { limits: SHORT });
      const look = `function main() {
        const typed = [typeof leaked, typeof leakedToo, typeof globalThis[Symbol.for('leaked')], typeof ({}).leaked, typeof [].leaked, typeof JSON.leaked];
        const a = []; a.push(1);
        return [typed.every((type) => type === 'undefined'), a, JSON.parse('[1]'), Object.getOwnPropertyNames(globalThis).length];
      }`;
      const clean = await sandbox.output(look);
      assert.ok(Array.isArray(clean));
      assert.deepEqual(clean.slice(0, 3), [true, [1], [1]]);
      assert.deepEqual(await sandbox.output(look), clean);
    });
  }

  it('leaves no byte of a run in the memory of the next, not even where nothing can read it', async () => {
    const {
      makeInstance,
    }: { makeInstance: MakeInstance } = require('../../../runtime/sandbox/guest-instance.cts');
    const wasm = await WebAssembly.compile(readFileSync(wasmFile()));
    const setup = {
      wasm,
      prelude: GUEST_PRELUDE,
      maxMemoryBytes: 64 * 1024 * 1024,
      meter: new SharedArrayBuffer(16),
    };
    const none = () => undefined;
    const hostFunctions = () => ({ call: none, log: none, done: none, fail: none, crypto: none, uuid: none });
    const instance = await makeInstance({ setup, hostFunctions, shouldInterrupt: () => false });
    const before = Buffer.from(instance.memory.buffer).toString('latin1');
    const code = `globalThis.kept = []; for (let i = 0; i < 500; i++) kept.push('tenant-secret-' + i, new Uint8Array(2000).fill(0xab));`;
    for (let i = 0; i < 3; i++) {
      assert.equal(instance.vm.evalCode(code).error, undefined);
      assert.ok(Buffer.from(instance.memory.buffer).includes('tenant-secret-499'));
      assert.equal(instance.restore(), true);
      const after = Buffer.from(instance.memory.buffer);
      assert.equal(after.includes('tenant-secret'), false);
      // Everything except the C stack below the frames that were live at the snapshot.
      assert.equal(after.toString('latin1') === before, true);
    }
  });

  it('gives every run its own random numbers, although every run starts from the same memory', async () => {
    const code = 'function main(ctx) { return [Math.random(), Math.random(), ctx.crypto.randomUUID()]; }';
    const runs = [await sandbox.output(code), await sandbox.output(code), await sandbox.output(code)];
    const all = runs.flatMap((run) => (Array.isArray(run) ? run : []));
    assert.equal(new Set(all).size, 9);
  });

  it('keeps one worker warm over many runs, heavy ones in promise jobs included', async () => {
    const heavy =
      'async function main() { await 0; const a = []; for (let i = 0; i < 20000; i++) a.push({ i }); return a.length; }';
    for (let i = 0; i < 20; i++) assert.equal(await sandbox.output(heavy), 20_000);
    assert.equal(sandbox.pool.workers, 1);
  });

  it('keeps UTC, whatever the time zone of the machine', async () => {
    const { TZ } = process.env;
    process.env.TZ = 'Asia/Tokyo';
    const pool = new SandboxPool({ size: 1 });
    try {
      assert.equal(new Date(0).getHours(), 9);
      const outcome = await pool.run(
        task(
          'function main() { const d = new Date(0); return [d.getTimezoneOffset(), d.getHours(), String(d)]; }',
        ),
      );
      assert.deepEqual(outcome.ok && outcome.output, [0, 0, 'Thu Jan 01 1970 00:00:00 GMT+0000']);
    } finally {
      if (TZ === undefined) delete process.env.TZ;
      else process.env.TZ = TZ;
      await pool.close();
    }
  });

  const poison = `
    const bad = () => { throw new Error('poisoned'); };
    for (const target of [Promise, Promise.prototype, JSON, Reflect, Array, Array.prototype, Object, String.prototype, Uint8Array.prototype,
      Object.getPrototypeOf(Uint8Array.prototype), Date.prototype, Math, Function.prototype, Symbol]) {
      for (const key of Reflect.ownKeys(target)) {
        if (key === 'constructor' || key === 'prototype' || key === 'defineProperty' || key === Symbol.hasInstance) continue;
        try { Object.defineProperty(target, key, { get: bad, set: bad, configurable: true }); } catch {}
      }
    }
    for (const key of ['toJSON', 'then', 'get', 'set', 'value', 'text', 'values', 'resolve', 'reject', 'failure', 'message', 'code', '0', '1']) {
      try { Object.defineProperty(Object.prototype, key, { get: bad, set: bad, configurable: true }); } catch {}
    }`;

  it('keeps its bridge in order when the code poisons every intrinsic', async () => {
    // A failure must stay within the run, with a clear outcome.
    const outcome = await sandbox.run(
      `${poison}\n async function main(ctx) { return (await ctx.sql\`SELECT 1\`).name; }`,
      { limits: SHORT },
    );
    assert.ok(
      outcome.ok || ['thrown', 'bad_result', 'never_resolved'].includes(outcome.error.code),
      JSON.stringify(outcome),
    );
    assert.equal(await sandbox.output('function main() { return 1; }'), 1);
  });

  const shadowed: Record<string, string> = {
    Promise: 'globalThis.Promise = class {};',
    'Promise.prototype.then': 'Promise.prototype.then = () => { throw 1; };',
    JSON: 'globalThis.JSON = { parse: () => 0, stringify: () => "\\"forged\\"" };',
    'Array.prototype':
      'for (const k of ["push", "map", "join", Symbol.iterator]) Array.prototype[k] = () => { throw 1; };',
    Object: 'globalThis.Object = null; globalThis.Reflect = null; globalThis.Error = null;',
    'String.prototype': 'String.prototype.slice = String.prototype.charCodeAt = () => { throw 1; };',
    'typed array getters':
      'Object.defineProperty(Object.getPrototypeOf(Uint8Array.prototype), "length", { get() { return 5; } });',
  };
  for (const [what, code] of Object.entries(shadowed)) {
    it(`keeps ctx working when the code replaces ${what}`, async () => {
      const main = `const { hex: unused } = {};
        ${code}
        async function main(ctx) {
          const answer = await ctx.sql\`SELECT \${1} AS a\`;
          return [answer.args.text, answer.args.values[0], ctx.crypto.hex(ctx.crypto.toU8('00ff')), ctx.now().length];
        }`;
      assert.deepEqual(await sandbox.output(main), ['SELECT $1 AS a', 1, '00ff', 24]);
    });
  }

  it('still names an end for code that breaks JSON for itself with setters on array indexes', async () => {
    const code =
      'Object.defineProperty(Array.prototype, 0, { set() { throw 1; } }); function main() { return [1]; }';
    const outcome = await sandbox.run(code);
    assert.ok(outcome.ok || ['thrown', 'bad_result'].includes(outcome.error.code), JSON.stringify(outcome));
  });

  it('does not let the code hook into stack traces of the bridge', async () => {
    const code = `function main(ctx) {
      let seen = null;
      try { Error.prepareStackTrace = (e, frames) => { seen = frames; }; } catch {}
      try { ctx.sql('x'); } catch {}
      return seen;
    }`;
    assert.equal(await sandbox.output(code), null);
  });

  it('does not let the code change ctx for anyone', async () => {
    const code = `'use strict'; function main(ctx) {
      const refused = [];
      for (const [o, k] of [[ctx, 'sql'], [ctx.env, 'APP_TENANT_ID'], [ctx.crypto, 'hex'], [ctx.crypto.ed25519, 'sign']]) {
        try { o[k] = 1; } catch { refused.push(k); }
      }
      return refused;
    }`;
    assert.deepEqual(await sandbox.output(code), ['sql', 'APP_TENANT_ID', 'hex', 'sign']);
  });

  it('has a prelude that names no host object', () => {
    assert.doesNotMatch(GUEST_PRELUDE, /process|require|postMessage/);
  });
});
