import { ATTACKS } from './attacks';
import { Tenant } from './tenant';

// The bad tenants of noisy.ts, in a process of their own, so that their work does not delay the good tenant's measurements. It
// ends with its parent process, and after a time limit.

const attack = ATTACKS[process.argv[2] ?? ''];
const { NOISY_URL, NOISY_TOKEN, NOISY_MAX_MS } = process.env;
if (attack === undefined || NOISY_URL === undefined || NOISY_TOKEN === undefined || !process.connected)
  throw new Error('noisy.ts starts this');
process.once('disconnect', () => process.exit());
setTimeout(() => process.exit(), Number(NOISY_MAX_MS));
const [bad, ...others] = NOISY_TOKEN.split(',').map((token) => new Tenant(NOISY_URL, token));
if (bad === undefined) throw new Error('a tenant is missing');
Promise.resolve(attack(bad, others)).then(
  () => process.send?.('begun'),
  (error) => {
    throw error;
  },
);
