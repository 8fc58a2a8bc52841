/**
 * The first script of every QuickJS context: it builds `ctx` and `console` and drives the entry function.
 * It runs before any user code and keeps its own references to every intrinsic it needs, so that user
 * code which replaces `JSON`, `Promise` or a method of `Array.prototype` affects only itself. It calls no
 * method through a prototype that user code can reach. It is not a security boundary: the host checks
 * everything that arrives, as if this script were the attacker.
 *
 * It is a string because it is compiled by QuickJS, never by Node.js.
 */
export const GUEST_PRELUDE = String.raw`(function (host) {
'use strict';
const { call: hostCall, log: hostLog, done: hostDone, fail: hostFail, crypto: hostCrypto, uuid: hostUuid } = host;
const { parse, stringify } = JSON;
const { apply } = Reflect;
const { create, defineProperty, freeze, getOwnPropertyDescriptor, getPrototypeOf, isFrozen } = Object;
const { isArray } = Array;
const ErrorOf = Error, TypeErrorOf = TypeError, DateOf = Date, PromiseOf = Promise, StringOf = String, U8 = Uint8Array;
const sliceOf = String.prototype.slice, codeAt = String.prototype.charCodeAt, isoOf = Date.prototype.toISOString;
const typed = getPrototypeOf(U8.prototype);
const bufferGetter = getOwnPropertyDescriptor(typed, 'buffer').get;
const lengthGetter = getOwnPropertyDescriptor(typed, 'length').get;
const bufferOf = (bytes) => apply(bufferGetter, bytes, []);
const lengthOf = (bytes) => apply(lengthGetter, bytes, []);
const hidden = (object, key, value) =>
  defineProperty(object, key, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
// A hook on stack traces would be handed the functions of this script.
defineProperty(ErrorOf, 'prepareStackTrace', { __proto__: null, value: undefined, writable: false, configurable: false });

const clip = (text, length) => (text.length > length ? apply(sliceOf, text, [0, length]) + '…' : text);
const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';
function read(object, key) {
  try {
    const value = object[key];
    return typeof value === 'string' ? clip(value, 8000) : undefined;
  } catch { return undefined; }
}
function show(value) {
  try {
    if (typeof value === 'string') return value;
    if (typeof value === 'bigint') return StringOf(value) + 'n';
    if (!isObject(value)) return StringOf(value);
    if (typeof value === 'function') return '[Function ' + (read(value, 'name') || 'anonymous') + ']';
    const stack = read(value, 'stack');
    if (stack !== undefined) return (read(value, 'name') || 'Error') + ': ' + (read(value, 'message') || '') + '\n' + stack;
    const text = stringify(value);
    return text === undefined ? '[object]' : text;
  } catch { return '[unreadable]'; }
}
/** An error as JSON text; any value can be thrown, and its getters may throw. */
function describe(error) {
  if (!isObject(error)) return stringify({ __proto__: null, name: 'Thrown', message: clip(show(error), 8000), value: typeof error });
  const message = read(error, 'message'), stack = read(error, 'stack');
  if (message === undefined && stack === undefined) {
    return stringify({ __proto__: null, name: 'Thrown', message: clip(show(error), 8000) });
  }
  return stringify({ __proto__: null, name: read(error, 'name') || 'Error', message: message || '', stack, code: read(error, 'code') });
}

const HEX = [];
for (let i = 0; i < 256; i++) HEX[i] = (i < 16 ? '0' : '') + i.toString(16);
freeze(HEX);
const asBytes = (value, what) => {
  if (typeof value === 'string') return toU8(value);
  try { lengthOf(value); } catch { throw new TypeErrorOf(what + ': expected a Uint8Array or a hex string'); }
  return new U8(value);
};
function hex(bytes) {
  const view = asBytes(bytes, 'hex');
  const length = lengthOf(view);
  let text = '';
  for (let i = 0; i < length; i++) text += HEX[view[i]];
  return text;
}
const nibble = (code) =>
  code >= 48 && code <= 57 ? code - 48 : code >= 97 && code <= 102 ? code - 87 : code >= 65 && code <= 70 ? code - 55 : -1;
function toU8(text) {
  if (typeof text !== 'string' || text.length % 2 !== 0) throw new TypeErrorOf('toU8: expected a hex string of even length');
  const bytes = new U8(text.length / 2);
  for (let i = 0; i < text.length; i += 2) {
    const high = nibble(apply(codeAt, text, [i])), low = nibble(apply(codeAt, text, [i + 1]));
    if (high < 0 || low < 0) throw new TypeErrorOf('toU8: expected hex digits, got another character at ' + i);
    bytes[i / 2] = high * 16 + low;
  }
  return bytes;
}
const raw = (value, what) => bufferOf(new U8(asBytes(value, what)));
const crypto = freeze({
  __proto__: null,
  blake3: (bytes) => new U8(hostCrypto('blake3', raw(bytes, 'blake3'))),
  ed25519: freeze({
    __proto__: null,
    sign: (message, secretKey) => new U8(hostCrypto('sign', raw(message, 'ed25519.sign message'), raw(secretKey, 'ed25519.sign secretKey'))),
    verify: (signature, message, publicKey) =>
      hostCrypto('verify', raw(signature, 'ed25519.verify signature'), raw(message, 'ed25519.verify message'), raw(publicKey, 'ed25519.verify publicKey')),
    getPublicKey: (secretKey) => new U8(hostCrypto('publicKey', raw(secretKey, 'ed25519.getPublicKey secretKey'))),
  }),
  hex,
  toU8,
  randomUUID: () => hostUuid(),
});

const pending = create(null);
let sequence = 0;
/** One host call. The error is created here, so that its stack has the calling line. */
function call(name, payload) {
  const failure = new ErrorOf('');
  return new PromiseOf((resolve, reject) => {
    const json = stringify(payload);
    if (json === undefined) throw new TypeErrorOf('ctx.' + name + ': the argument is not JSON');
    const id = ++sequence;
    pending[id] = { __proto__: null, resolve, reject, failure };
    hostCall(id, name, json);
  });
}
function settle(id, ok, json) {
  const entry = pending[id];
  if (entry === undefined) return;
  delete pending[id];
  try {
    const value = parse(json);
    if (ok) return entry.resolve(value);
    hidden(entry.failure, 'message', value.message);
    if (value.code !== undefined) hidden(entry.failure, 'code', value.code);
    entry.reject(entry.failure);
  } catch (error) { entry.reject(error); }
}
function sql(strings, ...values) {
  if (!isArray(strings) || !isFrozen(strings) || !isArray(strings.raw)) {
    throw new TypeErrorOf('ctx.sql is a template tag: write ctx.sql${'`'}SELECT … WHERE id = ${'$'}{id}${'`'}, so that every value is bound');
  }
  let text = strings[0];
  for (let i = 1; i <= values.length; i++) text += '$' + i + strings[i];
  return call('sql', { __proto__: null, text, values });
}
const api = {
  sql,
  insertSpan: (span) => call('insertSpan', span),
  signSpan: (span) => call('signSpan', span),
  verifySpan: (span) => call('verifySpan', span),
  now: () => apply(isoOf, new DateOf(), []),
  crypto,
};

let logging = true;
const logger = (level) => function (...values) {
  if (!logging) return;
  let text = '';
  for (let i = 0; i < values.length && text.length < 70000; i++) text += (i > 0 ? ' ' : '') + show(values[i]);
  logging = hostLog(level, text);
};
hidden(globalThis, 'console', {
  log: logger('info'), info: logger('info'), debug: logger('debug'), warn: logger('warn'), error: logger('error'),
});

/** Math.random is seeded for every run (sfc32), since every run starts from a copy of the same context. */
let a = 0, b = 0, c = 0, d = 1;
hidden(Math, 'random', function random() {
  const t = (a + b + d) | 0;
  d = (d + 1) | 0;
  a = b ^ (b >>> 9);
  b = (c + (c << 3)) | 0;
  c = (c << 21) | (c >>> 11);
  c = (c + t) | 0;
  return (t >>> 0) / 4294967296;
});

async function drive(entry, args) {
  let kind = 'thrown';
  try {
    const value = await apply(entry, undefined, args);
    kind = 'bad_result';
    const json = value === undefined ? 'null' : stringify(value);
    if (json === undefined) throw new TypeErrorOf('the result is a ' + typeof value + ', which JSON cannot carry');
    hostDone(json);
  } catch (error) {
    let description = '';
    try { description = describe(error); } catch {}
    hostFail(kind, description);
  }
}
function start(entry, kind, inputJson, envJson, s0, s1, s2) {
  a = s0; b = s1; c = s2; d = 1;
  const input = parse(inputJson);
  const ctx = freeze({ env: freeze(parse(envJson)), ...api });
  drive(entry, kind === 'on' ? [input, ctx] : [ctx, input]);
}
return { start, settle, describe };
})`;
