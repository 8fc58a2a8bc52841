import type { Client } from 'pg';

/** Ids consumed by one statement: about a second of work. */
const BATCH_IDS = 200_000n;

/**
 * Consumes transaction ids of the server until the next one is at least `least`, about 190,000 a second. Takes no lock
 * that other sessions would wait for.
 * @param untilMs Unix time in ms at which to stop early; another call continues. Defaults to never.
 * @returns how many ids are left to consume; 0 when done
 */
export async function moveCounter(
  client: Client,
  least: bigint,
  onProgress: (left: bigint) => void,
  untilMs = Number.POSITIVE_INFINITY,
): Promise<bigint> {
  for (;;) {
    const left = least - (await nextId(client));
    if (left <= 0n) return 0n;
    if (Date.now() >= untilMs) return left;
    if (left > BATCH_IDS) onProgress(left);
    const count = left < BATCH_IDS ? left : BATCH_IDS;
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
