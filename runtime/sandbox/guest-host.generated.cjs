// Made from guest-host.ts by npm run generate.
"use strict";
var __create = Object.create;
var __defProp = Object.defineProperty;
var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __getProtoOf = Object.getPrototypeOf;
var __hasOwnProp = Object.prototype.hasOwnProperty;
var __export = (target, all) => {
  for (var name in all)
    __defProp(target, name, { get: all[name], enumerable: true });
};
var __copyProps = (to, from, except, desc) => {
  if (from && typeof from === "object" || typeof from === "function") {
    for (let key of __getOwnPropNames(from))
      if (!__hasOwnProp.call(to, key) && key !== except)
        __defProp(to, key, { get: () => from[key], enumerable: !(desc = __getOwnPropDesc(from, key)) || desc.enumerable });
  }
  return to;
};
var __toESM = (mod, isNodeMode, target) => (target = mod != null ? __create(__getProtoOf(mod)) : {}, __copyProps(
  // If the importer is in node compatibility mode or this is not an ESM
  // file that has been converted to a CommonJS file using a Babel-
  // compatible transform (i.e. "__esModule" has not been set), then set
  // "default" to the CommonJS "module.exports" for node compatibility.
  isNodeMode || !mod || !mod.__esModule ? __defProp(target, "default", { value: mod, enumerable: true }) : target,
  mod
));
var __toCommonJS = (mod) => __copyProps(__defProp({}, "__esModule", { value: true }), mod);

// runtime/sandbox/guest-host.ts
var guest_host_exports = {};
__export(guest_host_exports, {
  MAX_JSON_DEPTH: () => MAX_JSON_DEPTH,
  blake3: () => nobleBlake3,
  ed25519: () => ed25519
});
module.exports = __toCommonJS(guest_host_exports);

// runtime/crypto/ed25519.ts
var import_node_crypto = require("node:crypto");
var noble = __toESM(require("@noble/ed25519"));
var import_sha2 = require("@noble/hashes/sha2.js");

// runtime/base/lru-cache.ts
var LruCache = class {
  #entries = /* @__PURE__ */ new Map();
  #capacity;
  constructor(capacity) {
    this.#capacity = capacity;
  }
  /** How many entries are held. */
  get size() {
    return this.#entries.size;
  }
  get(key) {
    const value = this.#entries.get(key);
    if (value === void 0) return void 0;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }
  set(key, value) {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#capacity) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }
  delete(key) {
    this.#entries.delete(key);
  }
  clear() {
    this.#entries.clear();
  }
};

// runtime/crypto/blake3.ts
var import_hash_wasm = require("hash-wasm");

// runtime/crypto/noble-blake3.ts
var import_blake3 = require("@noble/hashes/blake3.js");
function nobleBlake3(bytes) {
  return (0, import_blake3.blake3)(bytes);
}

// runtime/crypto/blake3.ts
var hasher;
function blake32(bytes) {
  if (!(bytes instanceof Uint8Array)) throw new TypeError("blake3: expected a Uint8Array");
  return hasher === void 0 ? nobleBlake3(bytes) : hasher.init().update(bytes).digest("binary");
}
var encoder = new TextEncoder();
var scratch = new Uint8Array(192 * 1024);

// runtime/crypto/ed25519-der.ts
var PKCS8_PREFIX_HEX = "302e020100300506032b657004220420";
var SPKI_PREFIX_HEX = "302a300506032b6570032100";

// runtime/crypto/portable-hex.ts
function portableBytes(hexText) {
  const bytes = new Uint8Array(hexText.length / 2);
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = Number.parseInt(hexText.slice(index * 2, index * 2 + 2), 16);
  }
  return bytes;
}

// runtime/crypto/ed25519-point.ts
var SMALL_ORDER_Y = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
].map(portableBytes);
function isRefusedPoint(bytes) {
  return isUnreduced(bytes) || SMALL_ORDER_Y.some((y) => isSameY(bytes, y));
}
function isUnreduced(bytes) {
  if (((bytes[31] ?? 0) & 127) !== 127 || (bytes[0] ?? 0) < 237) return false;
  for (let index = 30; index > 0; index -= 1) {
    if (bytes[index] !== 255) return false;
  }
  return true;
}
function isSameY(bytes, y) {
  for (let index = 0; index < 31; index += 1) {
    if (bytes[index] !== y[index]) return false;
  }
  return ((bytes[31] ?? 0) & 127) === y[31];
}

// runtime/crypto/hex.ts
var encoder2 = new TextEncoder();
function hex(bytes) {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

// runtime/crypto/ed25519.ts
noble.hashes.sha512 = import_sha2.sha512;
var KEY_BYTES = 32;
var SIGNATURE_BYTES = 64;
var PKCS8_PREFIX = Buffer.from(PKCS8_PREFIX_HEX, "hex");
var SPKI_PREFIX = Buffer.from(SPKI_PREFIX_HEX, "hex");
var publicKeys = new LruCache(1024);
var secretKeys = new LruCache(64);
function secretKeyObject(secretKey) {
  assertSecretKey(secretKey);
  return (0, import_node_crypto.createPrivateKey)({ key: Buffer.concat([PKCS8_PREFIX, secretKey]), format: "der", type: "pkcs8" });
}
function publicKeyObject(publicKey) {
  if (!isBytes(publicKey, KEY_BYTES)) throw new TypeError("ed25519: expected a public key of 32 bytes");
  return (0, import_node_crypto.createPublicKey)({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: "der", type: "spki" });
}
function rawPublicKey(key) {
  const publicHalf = key.type === "private" ? (0, import_node_crypto.createPublicKey)(key) : key;
  return Uint8Array.from(publicHalf.export({ format: "der", type: "spki" }).subarray(SPKI_PREFIX.length));
}
var ed25519 = {
  sign(message, secretKey) {
    assertSecretKey(secretKey);
    const cacheKey = hex(blake32(secretKey));
    let key = secretKeys.get(cacheKey);
    if (key === void 0) {
      key = secretKeyObject(secretKey);
      secretKeys.set(cacheKey, key);
    }
    return bytesOf((0, import_node_crypto.sign)(null, message, key));
  },
  verify(signature, message, publicKey) {
    const key = verifyingKey(signature, publicKey);
    return key !== void 0 && (0, import_node_crypto.verify)(null, message, key, signature);
  },
  publicKey(secretKey) {
    return rawPublicKey(secretKeyObject(secretKey));
  }
};
function verifyingKey(signature, publicKey) {
  if (!isBytes(signature, SIGNATURE_BYTES) || !isBytes(publicKey, KEY_BYTES)) return void 0;
  if (isRefusedPoint(publicKey) || isRefusedPoint(signature)) return void 0;
  const cacheKey = hex(publicKey);
  let key = publicKeys.get(cacheKey);
  if (key === void 0) {
    key = publicKeyObject(publicKey);
    publicKeys.set(cacheKey, key);
  }
  return key;
}
function isBytes(value, length) {
  return value instanceof Uint8Array && value.length === length;
}
function assertSecretKey(secretKey) {
  if (!isBytes(secretKey, KEY_BYTES)) throw new TypeError("ed25519: expected a secret key of 32 bytes");
}
function bytesOf(buffer) {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

// runtime/json/canonical-json.ts
var import_canonicalize = __toESM(require("canonicalize"));
var MAX_JSON_DEPTH = 128;
// Annotate the CommonJS export names for ESM import in node:
0 && (module.exports = {
  MAX_JSON_DEPTH,
  blake3,
  ed25519
});
