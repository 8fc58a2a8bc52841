import { cryptoReady } from '../../runtime/crypto';
import { Database } from '../../runtime/db/pool';
import { KernelHost } from '../../runtime/host/kernel-host';
import { openGuestDatabase } from '../../runtime/host/user-sql';
import { KeyRing } from '../../runtime/ledger/keys/key-ring';
import { seed } from '../../runtime/ledger/seed';
import { SpanWriter } from '../../runtime/ledger/span-writer';
import { silentLogger } from '../../runtime/log/logger';
import { SandboxPool } from '../../runtime/sandbox';
import { answerCalls } from './helper-process';

// Runs kernels on request instead of by the ticker.

const database = new Database({ connectionString: process.env.BENCH_DATABASE_URL ?? '', poolSize: 8 });
const guest = openGuestDatabase({ connectionString: process.env.BENCH_DATABASE_URL ?? '' });
const kernelDatabase = new Database({ connectionString: process.env.BENCH_KERNEL_URL ?? '', poolSize: 6 });
const keys = KeyRing.fromSeeds(['07'.repeat(32)]);
const writer = new SpanWriter({ database, signingKey: () => keys.current });
const sandbox = new SandboxPool();
const host = new KernelHost({
  database,
  kernelDatabase,
  guest,
  writer,
  keys: () => keys,
  sandbox,
  logger: silentLogger(),
  fetch: () => Promise.reject(new Error('this process calls nobody')),
  secrets: { get: async () => undefined },
});

/** Ticks until nothing is due. */
async function drain(): Promise<{ readonly claimed: number; readonly seconds: number }> {
  const begin = performance.now();
  let claimed = 0;
  for (;;) {
    const counts = (await host.run('request_worker', {})) as { readonly claimed: number };
    if (counts.claimed === 0) return { claimed, seconds: (performance.now() - begin) / 1000 };
    claimed += counts.claimed;
  }
}

/** Appends due deliverables in batches of 100, for owners in rotation; returns the seconds of the appends. */
async function appendSubjects({ count, owners }: Subjects): Promise<number> {
  const begin = performance.now();
  for (let from = 0; from < count; from += 100) {
    const owner = { user: `owner-${(from / 100) % owners}`, tenant: `tenant-${(from / 100) % owners}` };
    const drafts = Array.from({ length: Math.min(100, count - from) }, (_, index) => ({
      entity_type: 'deliverable',
      who: owner.user,
      did: 'promised',
      this: `part ${from + index}`,
      status: 'active',
      metadata: { deadline: '2026-03-01', ...(index % 2 === 0 ? { evidence: ['photo'] } : {}) },
    }));
    await writer.append(owner, drafts);
  }
  return (performance.now() - begin) / 1000;
}

async function midnight(
  scheduledFor: string,
): Promise<{ readonly counts: unknown; readonly seconds: number }> {
  const begin = performance.now();
  const event = { trigger: 'midnight_ruler', scheduled_for: scheduledFor };
  const counts = await host.run('run_code', event, { timeoutMs: 900_000 });
  return { counts, seconds: (performance.now() - begin) / 1000 };
}

interface Subjects {
  readonly count: number;
  readonly owners: number;
}

const seeded = cryptoReady().then(() => seed({ database, writer, keys, onProgress: () => undefined }));

answerCalls({ ready: async () => void (await seeded), drain, appendSubjects, midnight }, async () => {
  await sandbox.close();
  await guest.close();
  await database.close();
});
