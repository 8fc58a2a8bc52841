import { publishKeys } from '../runtime/ledger/keys/key-publisher';
import { seed } from '../runtime/ledger/seed';
import { writerOf } from './keys/key-change';
import { withLocalLedger } from './local-ledger';

/** Options of `logline seed`. */
export interface SeedCommandOptions {
  readonly json?: boolean;
}

/** Appends missing or changed seeds to the local ledger and lists them. */
export async function runSeed({ json }: SeedCommandOptions): Promise<void> {
  await withLocalLedger(async ({ database, keys: { ring } }) => {
    const writer = writerOf(database, ring);
    const published = await publishKeys({ database, writer, ring });
    const seeded = await seed({ database, writer, keys: ring });
    if (json) {
      process.stdout.write(`${JSON.stringify({ seeded, keys: published })}\n`);
      return;
    }
    const lines = [...published, ...seeded.map((name) => `seeded ${name}`)];
    process.stdout.write(`${lines.length === 0 ? 'every seed is in place' : lines.join('\n')}\n`);
  });
}
