import { Client } from 'pg';
import { answerCalls } from './helper-process';
import { type InsertLimit, type InsertRate, storedRow } from './insert-limit';

// Insert limit without pgbench: prepared inserts on one connection per client, one commit each.

async function insert({
  appUrl,
  clients,
  rowsPerInsert,
  seconds,
  identity,
}: InsertLimit): Promise<InsertRate> {
  const connections = await Promise.all(
    Array.from({ length: clients }, async () => {
      const client = new Client({
        connectionString: appUrl,
        options: `-c app.user_id=${identity.user} -c app.tenant_id=${identity.tenant} -c timezone=UTC`,
      });
      await client.connect();
      return client;
    }),
  );
  const columns = storedRow(identity, 0).map(([name]) => name);
  const text = `INSERT INTO ledger.universal_registry (${columns.join(', ')}) VALUES ${Array.from(
    { length: rowsPerInsert },
    (_, row) => `(${columns.map((_name, index) => `$${row * columns.length + index + 1}`).join(', ')})`,
  ).join(', ')}`;
  let rows = 0;
  const begin = performance.now();
  const deadline = begin + seconds * 1000;
  await Promise.all(
    connections.map(async (client) => {
      while (performance.now() < deadline) {
        const values = Array.from({ length: rowsPerInsert }, (_, row) => storedRow(identity, rows + row));
        await client.query({ name: 'insert', text, values: values.flat().map(([, value]) => value) });
        rows += rowsPerInsert;
      }
    }),
  );
  const elapsed = (performance.now() - begin) / 1000;
  await Promise.all(connections.map((client) => client.end()));
  return { rowsPerSecond: rows / elapsed, latencyMs: (elapsed * 1000 * clients * rowsPerInsert) / rows };
}

answerCalls({ insert });
