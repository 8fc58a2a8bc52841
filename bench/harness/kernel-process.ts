import { cryptoReady } from '../../runtime/crypto';
import { Database } from '../../runtime/db/pool';
import { KernelHost } from '../../runtime/kernels/kernel-host';
import { KeyRing } from '../../runtime/ledger/key-ring';
import { seed } from '../../runtime/ledger/seed';
import { SpanWriter } from '../../runtime/ledger/span-writer';
import { silentLogger } from '../../runtime/log/logger';
import { SandboxPool } from '../../runtime/sandbox';
import { answerCalls } from './helper-process';

// The request worker, driven by hand instead of by the ticker.

const database = new Database({ connectionString: process.env.BENCH_DATABASE_URL ?? '', poolSize: 8 });
const keys = KeyRing.fromSeeds(['07'.repeat(32)]);
const writer = new SpanWriter({ database, signingKey: () => keys.current });
const sandbox = new SandboxPool();
const host = new KernelHost({
  database,
  writer,
  keys: () => keys,
  sandbox,
  logger: silentLogger(),
  fetch: () => Promise.reject(new Error('this process calls nobody')),
  secrets: { get: async () => undefined },
});

/** Ticks until nothing is due any more. */
async function drain(): Promise<{ readonly claimed: number; readonly seconds: number }> {
  const begin = performance.now();
  let claimed = 0;
  for (;;) {
    const counts = (await host.run('request_worker', {})) as { readonly claimed: number };
    if (counts.claimed === 0) return { claimed, seconds: (performance.now() - begin) / 1000 };
    claimed += counts.claimed;
  }
}

const seeded = cryptoReady().then(() => seed({ database, writer, keys, onProgress: () => undefined }));

answerCalls({ ready: async () => void (await seeded), drain }, async () => {
  await sandbox.close();
  await database.close();
});
