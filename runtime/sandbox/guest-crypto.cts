import type { GuestCrypto } from './worker-parts';

const { blake3, ed25519 }: typeof import('./guest-host') = require('./guest-host.generated.cjs');

/** The host's own crypto functions, so that results are the same inside and outside the sandbox. */
const guestCrypto: GuestCrypto = (op, args) => {
  const [first = new Uint8Array(), second = new Uint8Array(), third = new Uint8Array()] = args;
  switch (op) {
    case 'blake3':
      return blake3(first);
    case 'sign':
      return ed25519.sign(first, second);
    case 'verify':
      return ed25519.verify(first, second, third);
    case 'publicKey':
      return ed25519.publicKey(first);
    default:
      throw new TypeError(`no such function: ${op}`);
  }
};

module.exports = { guestCrypto };
