import assert from 'node:assert/strict';
import { format, inspect } from 'node:util';
import { deriveSeed, tokenKeyOf } from '../../../runtime/auth';
import {
  ed25519,
  generateSigningKey,
  hex,
  SigningKey,
  signingKeyFromHex,
  toU8,
} from '../../../runtime/crypto';
import { readVectors } from '../../vectors/read-vectors';

const SEED = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';

describe('a signing key', () => {
  it('must have the public key and signatures of its seed', () => {
    const key = signingKeyFromHex(SEED);
    assert.equal(key.publicKeyHex, 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
    const message = Buffer.from('message');
    assert.deepEqual(key.sign(message), ed25519.sign(message, toU8(SEED)));
  });

  it('must give back its secret only when asked for it by name', () => {
    const key = signingKeyFromHex(SEED);
    assert.equal(key.secretKeyHex(), SEED);
    const shown = [
      JSON.stringify({ key }),
      inspect(key, { showHidden: true, depth: 10 }),
      inspect({ nested: [key] }, { depth: 10 }),
      format('%s %o %O %j', key, key, key, key),
      String(key),
      JSON.stringify(Object.entries(key)),
      JSON.stringify({ ...key }),
    ].join('\n');
    assert.doesNotMatch(shown, new RegExp(SEED, 'i'));
    assert.doesNotMatch(shown, /157, ?97, ?177|9d 61 b1/);
  });

  it('must not change when the bytes it was made of do', () => {
    const seed = toU8(SEED);
    const key = new SigningKey(seed);
    seed.fill(0);
    assert.equal(key.secretKeyHex(), SEED);
  });

  it('must not repeat a malformed secret in the error', () => {
    for (const wrong of [SEED.slice(2), `${SEED}00`, SEED.replace('9', 'x')]) {
      assert.throws(
        () => signingKeyFromHex(wrong),
        (error: Error) => !error.message.includes(wrong.slice(4, 20)),
      );
    }
  });

  it('must be different each time one is generated', () => {
    assert.notEqual(generateSigningKey().publicKeyHex, generateSigningKey().publicKeyHex);
  });
});

describe('the token key', () => {
  it('must be derived by the HKDF of RFC 5869', () => {
    const { ikm, okm } = readVectors<{ ikm: string; okm: string }>('rfc5869.json');
    assert.equal(hex(deriveSeed(toU8(ikm), '')), okm);
  });

  it('must be another key than the instance key, and the same each time', () => {
    const key = signingKeyFromHex(SEED);
    assert.notEqual(tokenKeyOf(key).publicKeyHex, key.publicKeyHex);
    assert.equal(tokenKeyOf(key).publicKeyHex, tokenKeyOf(signingKeyFromHex(SEED)).publicKeyHex);
    assert.equal(tokenKeyOf(key).secretKeyHex(), hex(deriveSeed(toU8(SEED), 'logline/token/v1')));
  });

  it('must depend on the label', () => {
    assert.notDeepEqual(
      deriveSeed(toU8(SEED), 'logline/token/v1'),
      deriveSeed(toU8(SEED), 'logline/token/v2'),
    );
  });
});
