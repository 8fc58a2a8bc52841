import { GuardFile } from '../../local/guard-file';
import { cryptoReady, signingKeyFromHex } from '../../runtime/crypto';
import { Database } from '../../runtime/db/pool';
import { Sealer } from '../../runtime/proofs/sealer';

// A sealer process, which a test ends by kill -9: `sealer-process.ts URL GUARD ORIGIN BATCH`, with the key in SEAL_KEY. It
// prints a line for each batch.

async function main(): Promise<void> {
  const [url = '', guard = '', instance = '', batch = ''] = process.argv.slice(2);
  await cryptoReady();
  const current = signingKeyFromHex(process.env.SEAL_KEY ?? '');
  const sealer = new Sealer({
    database: new Database({ connectionString: url, poolSize: 1 }),
    keys: () => ({ current, along: [] }),
    instance,
    guard: new GuardFile(guard),
    batchSize: Number(batch),
  });
  for (;;) {
    const { outcome } = await sealer.sealBatch();
    process.stdout.write(`${outcome}\n`);
  }
}

void main();
