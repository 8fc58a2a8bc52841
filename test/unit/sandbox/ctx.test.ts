import assert from 'node:assert/strict';
import { ed25519, toU8 } from '../../../runtime/crypto';
import { blake3 } from '../../../runtime/crypto/blake3';
import { ed25519 as reference } from '../../../runtime/crypto/ed25519';
import type { HostCall, JsonValue } from '../../../runtime/sandbox';
import { readVectors } from '../../vectors/read-vectors';
import { deferred, poolFor } from './sandbox-fixture';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('ctx inside the sandbox', () => {
  const sandbox = poolFor();

  it('has exactly the members of the contract', async () => {
    const code =
      'function main(ctx) { return [Object.keys(ctx).sort(), Object.keys(ctx.crypto).sort(), Object.keys(ctx.crypto.ed25519).sort()]; }';
    assert.deepEqual(await sandbox.output(code), [
      ['crypto', 'env', 'insertSpan', 'now', 'signSpan', 'sql', 'verifySpan'],
      ['blake3', 'ed25519', 'hex', 'randomUUID', 'toU8'],
      ['getPublicKey', 'sign', 'verify'],
    ]);
  });

  it('carries the environment it is given and no signing key unless given', async () => {
    const code =
      'function main(ctx) { return [ctx.env.APP_USER_ID, ctx.env.APP_TENANT_ID, typeof ctx.env.SIGNING_KEY_HEX]; }';
    assert.deepEqual(await sandbox.output(code), ['alice', 'acme', 'undefined']);
    const env = { SIGNING_KEY_HEX: 'ab' };
    assert.equal(
      await sandbox.output('function main(ctx) { return ctx.env.SIGNING_KEY_HEX; }', { env }),
      'ab',
    );
  });

  it('turns a template into text with parameters, never into text with values', async () => {
    const code = `async function main(ctx) { return (await ctx.sql\`SELECT * FROM t WHERE a = \${"x' OR 1=1 --"} AND b = \${[1, { c: undefined }]} AND d = \${undefined}\`).args; }`;
    assert.deepEqual(await sandbox.output(code), {
      text: 'SELECT * FROM t WHERE a = $1 AND b = $2 AND d = $3',
      values: ["x' OR 1=1 --", [1, {}], null],
    });
  });

  const misuses: Record<string, string> = {
    'a string': 'ctx.sql("SELECT 1")',
    'a string that was put together': 'ctx.sql("SELECT " + 1)',
    'an array': 'ctx.sql(["SELECT 1"])',
    'an array that pretends to be a template': 'ctx.sql(Object.assign(["SELECT 1"], { raw: ["SELECT 1"] }))',
    nothing: 'ctx.sql()',
  };
  for (const [what, call] of Object.entries(misuses)) {
    it(`refuses ctx.sql called with ${what}`, async () => {
      const error = await sandbox.error('thrown', `async function main(ctx) { return await ${call}; }`);
      assert.match(error.message, /template tag/);
    });
  }

  it('passes spans to insertSpan, signSpan and verifySpan, and their answers back', async () => {
    const asked: [string, JsonValue][] = [];
    const hostCall: HostCall = async (name, args) => {
      asked.push([name, args]);
      return name === 'verifySpan' ? true : { id: 1 };
    };
    const code =
      'async function main(ctx) { return [await ctx.insertSpan({ a: 1 }), await ctx.signSpan({ b: 2 }), await ctx.verifySpan({ c: 3 })]; }';
    assert.deepEqual(await sandbox.output(code, { hostCall }), [{ id: 1 }, { id: 1 }, true]);
    assert.deepEqual(asked, [
      ['insertSpan', { a: 1 }],
      ['signSpan', { b: 2 }],
      ['verifySpan', { c: 3 }],
    ]);
  });

  it('runs calls that are made together at the same time, and answers each caller', async () => {
    const gate = deferred<null>();
    let waiting = 0;
    const hostCall: HostCall = async (_name, args) => {
      if (++waiting === 3) gate.resolve(null);
      await gate.promise;
      return args;
    };
    const code =
      'async function main(ctx) { return await Promise.all([1, 2, 3].map((n) => ctx.insertSpan({ n }))); }';
    assert.deepEqual(await sandbox.output(code, { hostCall }), [{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  it('rejects with an ordinary Error that carries message and code of the refusal', async () => {
    const hostCall: HostCall = async () => {
      throw Object.assign(new Error('not yours'), { code: 'forbidden' });
    };
    const code =
      'async function main(ctx) { try { await ctx.insertSpan({}); } catch (e) { return [e instanceof Error, e.name, e.message, e.code]; } }';
    assert.deepEqual(await sandbox.output(code, { hostCall }), [true, 'Error', 'not yours', 'forbidden']);
  });

  it('survives a host call that throws at once, rejects without an Error, or returns a value that is no JSON', async () => {
    const code =
      'async function main(ctx) { try { return await ctx.sql`SELECT 1`; } catch (e) { return e.message; } }';
    const throws: HostCall = () => {
      throw new Error('at once');
    };
    assert.equal(await sandbox.output(code, { hostCall: throws }), 'at once');
    assert.equal(
      await sandbox.output(code, { hostCall: () => Promise.reject(undefined) }),
      'the call failed',
    );
    assert.equal(await sandbox.output(code, { hostCall: async () => undefined }), null);
  });

  const badArguments: Record<string, string> = {
    'a cycle': '(() => { const a = {}; a.a = a; return a; })()',
    'a function': '() => 1',
    undefined: 'undefined',
    'a BigInt': '({ n: 1n })',
    'a throwing getter': '({ get a() { throw new Error("boo"); } })',
    'deep nesting': '(() => { let a = []; for (let i = 0; i < 300; i++) a = [a]; return a; })()',
    'a __proto__ member': 'JSON.parse(\'{"__proto__":{"x":1}}\')',
  };
  for (const [what, expression] of Object.entries(badArguments)) {
    it(`never passes ${what} to the host`, async () => {
      let called = false;
      const hostCall: HostCall = async () => {
        called = true;
        return null;
      };
      await sandbox.error('thrown', `async function main(ctx) { await ctx.insertSpan(${expression}); }`, {
        hostCall,
      });
      assert.equal(called, false);
    });
  }

  it('gives code whose answers have a __proto__ member a plain own property', async () => {
    const hostCall: HostCall = async () => JSON.parse('{"__proto__":{"polluted":1}}');
    const code =
      'async function main(ctx) { const a = await ctx.sql`SELECT 1`; return [Object.keys(a), ({}).polluted === undefined, a.polluted === undefined]; }';
    assert.deepEqual(await sandbox.output(code, { hostCall }), [['__proto__'], true, true]);
  });

  it('returns the time as RFC 3339 in UTC with milliseconds', async () => {
    assert.match(
      String(await sandbox.output('function main(ctx) { return ctx.now(); }')),
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
    );
  });

  it('hashes and signs like the ledger does', async () => {
    const code = `function main({ crypto }) {
      const seed = crypto.blake3(crypto.toU8('00'));
      const publicKey = crypto.ed25519.getPublicKey(seed);
      const message = crypto.toU8('010203');
      const signature = crypto.ed25519.sign(message, seed);
      const verdicts = [signature, crypto.toU8('00'.repeat(64))].map((s) => crypto.ed25519.verify(s, message, publicKey));
      return { seed: crypto.hex(seed), publicKey: crypto.hex(publicKey), signature: crypto.hex(signature), verdicts,
        asHex: crypto.ed25519.verify(crypto.hex(signature), '010203', crypto.hex(publicKey)) };
    }`;
    const seed = blake3(Uint8Array.of(0));
    assert.deepEqual(await sandbox.output(code), {
      seed: hex(seed),
      publicKey: hex(reference.publicKey(seed)),
      signature: hex(reference.sign(Uint8Array.of(1, 2, 3), seed)),
      verdicts: [true, false],
      asHex: true,
    });
  });

  it('hashes large and empty input and views into a larger buffer', async () => {
    const code = `function main({ crypto: { blake3, hex } }) {
      const big = new Uint8Array(300000).fill(7);
      return [hex(blake3(big)), hex(blake3(new Uint8Array())), hex(blake3(big.subarray(10, 20)))];
    }`;
    const big = new Uint8Array(300_000).fill(7);
    const expected = [big, new Uint8Array(), big.subarray(10, 20)].map((bytes) => hex(blake3(bytes)));
    assert.deepEqual(await sandbox.output(code), expected);
  });

  it('decides on signatures as the host does, on every vector', async () => {
    const { tests } = readVectors<{ tests: { pk: string; msg: string; sig: string }[] }>(
      'wycheproof-ed25519.json',
    );
    const code = `function main({ crypto: { ed25519 } }, tests) {
      return tests.map(({ pk, msg, sig }) => ed25519.verify(sig, msg, pk));
    }`;
    const expected = tests.map(({ pk, msg, sig }) => ed25519.verify(toU8(sig), toU8(msg), toU8(pk)));
    assert.ok(expected.includes(true) && expected.includes(false));
    assert.deepEqual(await sandbox.output(code, { input: tests }), expected);
  });

  const cryptoMisuses: [string, RegExp][] = [
    ['toU8("abc")', /even length/],
    ['toU8("zz")', /hex digits/],
    ['toU8(5)', /hex string/],
    ['hex({ length: 5 })', /expected a Uint8Array/],
    ['blake3(null)', /expected a Uint8Array/],
    ['ed25519.sign("00", "00")', /expected a secret key of 32 bytes/],
    ['ed25519.verify({}, "00", "00")', /expected a Uint8Array/],
  ];
  for (const [call, message] of cryptoMisuses) {
    it(`explains the fault of crypto.${call}`, async () => {
      assert.match(
        (await sandbox.error('thrown', `function main(ctx) { return ctx.crypto.${call}; }`)).message,
        message,
      );
    });
  }

  it('finishes calls that main did not await before the run ends', async () => {
    let isDone = false;
    const hostCall: HostCall = async () => {
      // Slower than main, which has returned after another run has ended.
      for (let i = 0; i < 3; i++) await sandbox.output('function main() {}', { lane: 'other' });
      isDone = true;
      return null;
    };
    const outcome = await sandbox.run('function main(ctx) { ctx.insertSpan({}); return "early"; }', {
      hostCall,
    });
    assert.equal(outcome.ok && outcome.output, 'early');
    assert.equal(isDone, true);
  });

  it('does not run code that waits for a call after main has returned', async () => {
    const names: string[] = [];
    const hostCall: HostCall = async (name) => {
      names.push(name);
      return null;
    };
    const code =
      'function main(ctx) { ctx.signSpan({}).then(() => ctx.insertSpan({ late: true })); return 1; }';
    assert.equal(await sandbox.output(code, { hostCall }), 1);
    assert.equal(await sandbox.output('function main() { return 2; }'), 2);
    assert.deepEqual(names, ['signSpan']);
  });

  it('aborts the signal of calls that are under way when the run is cut short', async () => {
    const aborted = deferred<boolean>();
    const stop = new AbortController();
    const hostCall: HostCall = async (_name, _args, signal) => {
      signal.addEventListener('abort', () => aborted.resolve(true));
      stop.abort();
      return new Promise(() => {});
    };
    const code = 'async function main(ctx) { await ctx.sql`SELECT 1`; }';
    await sandbox.error('aborted', code, { hostCall, signal: stop.signal });
    assert.equal(await aborted.promise, true);
  });
});
