import type { Client } from 'pg';

/** Ids of one statement: about a second of work. */
const AT_A_TIME = 200_000n;

/**
 * Uses up the server's transaction ids until the next one is not below `least`, some 190,000 a second. It holds nothing
 * that other sessions would wait for.
 * @param untilMs when to stop half-way, in milliseconds of the epoch; another call goes on from there. Defaults to never.
 * @returns how many ids are left to use up
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
