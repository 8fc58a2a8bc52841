import type { Client } from 'pg';

/** Ids of one statement: about a second of work. */
const AT_A_TIME = 200_000n;

/**
 * Uses up the server's transaction ids until the next one is not below `least`, some 190,000 a second. It holds nothing
 * that other sessions would wait for.
 */
export async function moveCounter(
  client: Client,
  least: bigint,
  onProgress: (left: bigint) => void,
): Promise<void> {
  for (let next = await nextId(client); next < least; next = await nextId(client)) {
    const left = least - next;
    if (left > AT_A_TIME) onProgress(left);
    const count = left < AT_A_TIME ? left : AT_A_TIME;
    await client.query(`DO $$
      BEGIN
        FOR i IN 1..${count} LOOP
          PERFORM pg_current_xact_id();
          COMMIT;
        END LOOP;
      END $$`);
  }
}

async function nextId(client: Client): Promise<bigint> {
  const { rows } = await client.query<{ next: string }>(
    'SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next',
  );
  return BigInt(rows[0]?.next ?? '0');
}
