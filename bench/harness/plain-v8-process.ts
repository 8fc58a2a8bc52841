import { randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cryptoReady } from '../../runtime/crypto';
import { Database } from '../../runtime/db/pool';
import { queryAs } from '../../runtime/db/query-as';
import { KeyRing } from '../../runtime/ledger/keys/key-ring';
import { SpanWriter } from '../../runtime/ledger/span-writer';
import { answerCalls } from './helper-process';

// A run without sandbox: the same function in plain V8, and the same ledger writes (the
// quota's row, one signed `execution` span with the members that run_code gives it) over bare HTTP.
// It skips token, routing, log, boot check, and reading and verifying the function.

const FUNCTION_ID = randomUUID();
const IDENTITY = { user: 'plain', tenant: 'plain' };
const database = new Database({ connectionString: process.env.BENCH_DATABASE_URL ?? '', poolSize: 16 });
const keys = KeyRing.fromSeeds(['08'.repeat(32)]);
const writer = new SpanWriter({ database, signingKey: () => keys.current });

function main(_ctx: unknown, input: { readonly n: number }): object {
  return { doubled: input.n * 2 };
}

async function execute(body: string): Promise<object> {
  const { input } = JSON.parse(body) as { readonly input: { readonly n: number } };
  await queryAs(database, IDENTITY, {
    name: 'quota',
    text: `WITH relaxed AS (SELECT set_config('synchronous_commit', 'off', true))
      INSERT INTO app.execution_quota AS q (tenant_id, day, used)
      SELECT $1::text, $2::date, 1 FROM relaxed WHERE $3::int > 0
      ON CONFLICT (tenant_id, day) DO UPDATE SET used = q.used + 1 WHERE q.used < $3::int
      RETURNING used`,
    values: [IDENTITY.tenant, new Date().toISOString().slice(0, 10), 1_000_000_000],
  });
  const started = Date.now();
  const result = main(undefined, input);
  const { spans } = await writer.append(IDENTITY, [
    {
      id: randomUUID(),
      entity_type: 'execution',
      who: 'run_code',
      did: 'executed',
      this: 'double',
      status: 'complete',
      parent_id: FUNCTION_ID,
      related_to: [FUNCTION_ID],
      input: { ...input },
      output: { ...result },
      duration_ms: Date.now() - started,
      trace_id: randomBytes(16).toString('hex'),
      metadata: {
        function_id: FUNCTION_ID,
        function_seq: 0,
        function_hash: '0'.repeat(64),
        cpu_ms: 0,
        ctx_calls: 0,
        logs: [],
        trigger: 'execute',
      },
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
