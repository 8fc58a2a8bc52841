import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { TenantLog } from '../../cli/export/tenant-log';
import { keptLog } from '../../cli/proofs/log-folder';
import { publishedVerifierKeys } from '../../cli/proofs/verifier-keys';
import { resolveTarget } from '../../cli/target';
import { type LogToWalk, withLog } from '../../cli/verify/run-verify';
import { type Found, spansOfFile, spansOfUrl } from '../../cli/verify/span-source';
import { type VerifyReport, verifySpans } from '../../cli/verify/verify-spans';
import type { SignedSpan } from '../../runtime/base/span';
import { cryptoReady, ed25519, toU8 } from '../../runtime/crypto';
import { answerCalls } from './helper-process';

// Runs what `logline verify` does, without the command's start-up, and the lower bound of signature checks alone.

/** Duration, and the peak memory of this process. */
export interface Verified {
  readonly spans: number;
  readonly seconds: number;
  readonly maxRssMiB: number;
}

async function timed(verify: () => Promise<number>): Promise<Verified> {
  await cryptoReady();
  const begin = performance.now();
  const spans = await verify();
  // Linux and Windows count kilobytes here, macOS bytes in older versions of libuv.
  const { maxRSS } = process.resourceUsage();
  return { spans, seconds: (performance.now() - begin) / 1000, maxRssMiB: maxRSS / 1024 };
}

const goodSpans = async (report: Promise<VerifyReport>): Promise<number> => {
  const { spans, faults } = await report;
  if (faults > 0) throw new Error(`${faults} faults in a ledger that has none`);
  return spans;
};

const options = {
  isComplete: () => true,
  onFault: ({ detail }: { readonly detail: string }) => process.stderr.write(`${detail}\n`),
};

/** Verifies spans and their log like the command. */
async function withProofs(spans: AsyncIterable<Found>, log: LogToWalk): Promise<number> {
  const { source, logs } = withLog(spans, log);
  const count = await goodSpans(verifySpans(source, options));
  const { report } = await logs({
    onFault: ({ detail }) => options.onFault({ detail }),
    onProgress: () => undefined,
  });
  if (report.faults > 0) throw new Error(`${report.faults} faults in a log that has none`);
  return count;
}

/** A ledger, and the tenant whose log is verified. */
interface Live {
  readonly url: string;
  readonly token: string;
  readonly tenant: string;
}

answerCalls({
  live: ({ url, token }: Live) =>
    timed(async () => {
      const { client } = await resolveTarget({ url, token });
      return goodSpans(verifySpans(spansOfUrl(client), options));
    }),
  liveWithLog: ({ url, token, tenant }: Live) =>
    timed(async () => {
      const { client } = await resolveTarget({ url, token });
      const keys = await publishedVerifierKeys(client, tenant);
      return withProofs(spansOfUrl(client), { client, tenant, keys });
    }),
  file: (file: string) => timed(() => goodSpans(verifySpans(spansOfFile(file), options))),
  fileWithLog: (file: string) =>
    timed(async () => {
      const kept = await keptLog(file);
      if (kept === undefined) throw new Error(`${file} has no log`);
      return withProofs(spansOfFile(file), { ...kept, waitMs: 0 });
    }),
  /** Saves the log beside a file. */
  async keepLog({ url, token, tenant, file }: Live & { file: string }) {
    const { client } = await resolveTarget({ url, token });
    const log = await TenantLog.open({
      file,
      tenant,
      client: () => Promise.resolve(client),
      onProgress: () => undefined,
    });
    await log.finish(await log.size());
  },
  /** One thread that only checks signatures. */
  signatures: (file: string) =>
    timed(async () => {
      let spans = 0;
      let good = 0;
      for await (const line of createInterface({ input: createReadStream(file) })) {
        const span = JSON.parse(line) as SignedSpan;
        if (ed25519.verify(toU8(span.signature), toU8(span.curr_hash), toU8(span.public_key))) good += 1;
        spans += 1;
      }
      if (good !== spans) throw new Error(`${spans - good} signatures do not hold`);
      return spans;
    }),
});
