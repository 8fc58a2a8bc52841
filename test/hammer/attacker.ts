import { ATTACKS } from './attacks';
import { Tenant } from './tenant';

// The bad tenant of noisy.ts, in a process of its own: what it does costs the good one's clock nothing.

const attack = ATTACKS[process.argv[2] ?? ''];
const { NOISY_URL, NOISY_TOKEN } = process.env;
if (attack === undefined || NOISY_URL === undefined || NOISY_TOKEN === undefined)
  throw new Error('noisy.ts starts this');
// Also an attack that only began once goes on until its process is ended.
setInterval(() => {}, 60_000);
Promise.resolve(attack(new Tenant(NOISY_URL, NOISY_TOKEN))).then(
  () => process.send?.('begun'),
  (error) => {
    throw error;
  },
);
