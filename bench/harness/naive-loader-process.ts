import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client } from 'pg';
import { hex, utf8 } from '../../runtime/crypto';
import { nobleEd25519 } from '../../runtime/crypto/ed25519';
import { nobleBlake3 } from '../../runtime/crypto/noble-blake3';
import { canonicalText } from '../../runtime/json/canonical-json';
import { answerCalls } from './helper-process';

// The naive loader: a connection for each request, four statements, noble for hash and signature.

const secretKey = new Uint8Array(32).fill(7);
const publicKey = hex(nobleEd25519.publicKey(secretKey));
const COLUMNS = [
  'id seq entity_type who did this at owner_id tenant_id visibility status is_deleted name input metadata',
  'duration_ms trace_id curr_hash signature public_key',
].flatMap((names) => names.split(' '));
const INSERT = `INSERT INTO ledger.universal_registry (${COLUMNS.join(', ')})
  VALUES (${COLUMNS.map((_, index) => `$${index + 1}`).join(', ')})`;

async function append(appUrl: string, body: string): Promise<object> {
  const span: Record<string, unknown> = {
    ...(JSON.parse(body) as object),
    id: randomUUID(),
    seq: 0,
    at: new Date().toISOString(),
    owner_id: 'naive',
    tenant_id: 'naive',
    is_deleted: false,
    public_key: publicKey,
  };
  const hash = nobleBlake3(utf8(canonicalText(span)));
  span.curr_hash = hex(hash);
  span.signature = hex(nobleEd25519.sign(hash, secretKey));
  const client = new Client({ connectionString: appUrl });
  await client.connect();
  try {
    await client.query('BEGIN');
    await client.query(
      `SELECT set_config('app.user_id', 'naive', true), set_config('app.tenant_id', 'naive', true)`,
    );
    await client.query(
      INSERT,
      COLUMNS.map((name) =>
        name === 'input' || name === 'metadata' ? JSON.stringify(span[name]) : span[name],
      ),
    );
    await client.query('COMMIT');
  } finally {
    await client.end();
  }
  return { success: true, span };
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    append(process.env.NAIVE_DATABASE_URL ?? '', Buffer.concat(chunks).toString()).then(
      (answer) => send(201, JSON.stringify(answer)),
      (error: unknown) => send(500, String(error)),
    );
  });
  const send = (status: number, text: string): void => {
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    });
    response.end(text);
  };
});

const listening = new Promise<number>((resolve) => {
  server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
});

answerCalls({ port: () => listening });
