import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cryptoReady } from '../../runtime/crypto';
import { Database } from '../../runtime/db/pool';
import { withPg } from '../../runtime/db/with-pg';
import { KeyRing } from '../../runtime/ledger/key-ring';
import { SpanWriter } from '../../runtime/ledger/span-writer';
import { answerCalls } from './helper-process';

// What a run would cost without a sandbox: the same function called in plain V8, the same ledger writes (the
// quota's row, one signed `execution` span), the same HTTP. No boot check, no reading of the function.

const IDENTITY = { user: 'plain', tenant: 'plain' };
const database = new Database({ connectionString: process.env.BENCH_DATABASE_URL ?? '', poolSize: 16 });
const keys = KeyRing.fromSeeds(['08'.repeat(32)]);
const writer = new SpanWriter({ database, signingKey: () => keys.current });

function main(_ctx: unknown, input: { readonly n: number }): object {
  return { doubled: input.n * 2 };
}

async function execute(body: string): Promise<object> {
  const { input } = JSON.parse(body) as { readonly input: { readonly n: number } };
  await withPg(database, IDENTITY, ({ client }) =>
    client.query(
      `INSERT INTO app.execution_quota AS q (tenant_id, day, used) SELECT $1::text, current_date, 1
       ON CONFLICT (tenant_id, day) DO UPDATE SET used = q.used + 1 WHERE q.used < $2::int RETURNING used`,
      [IDENTITY.tenant, 1_000_000_000],
    ),
  );
  const started = Date.now();
  const result = main(undefined, input);
  const { spans } = await writer.append(IDENTITY, [
    {
      entity_type: 'execution',
      who: IDENTITY.user,
      did: 'executed',
      this: 'double',
      status: 'complete',
      name: 'double',
      input: { ...input },
      output: { ...result },
      metadata: { function_id: '00000000-0000-4000-8000-000000000000', trigger: 'execute', cpu_ms: 0 },
      duration_ms: Date.now() - started,
    },
  ]);
  return { success: true, result, execution: spans[0] };
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const send = (status: number, text: string): void => {
      response.writeHead(status, { 'content-length': Buffer.byteLength(text) });
      response.end(text);
    };
    execute(Buffer.concat(chunks).toString()).then(
      (answer) => send(200, JSON.stringify(answer)),
      (error: unknown) => send(500, String(error)),
    );
  });
});

const listening = cryptoReady().then(
  () =>
    new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    }),
);

answerCalls({ port: () => listening }, () => database.close());
