import { setTimeout as delay } from 'node:timers/promises';
import { requireKeys, storeRing } from '../../local/keys';
import { NOTICE_MS } from '../../local/live-keys';
import { OperatorError } from '../../local/operator-error';
import { currentRun } from '../../local/run-lock';
import { generateSigningKey } from '../../runtime/crypto';
import { publishKeys } from '../../runtime/ledger/keys/key-publisher';
import type { KeyRing } from '../../runtime/ledger/keys/key-ring';
import { SpanWriter } from '../../runtime/ledger/span-writer';
import { LedgerApi, textMember } from '../ledger-api';
import { type LocalLedger, withLocalLedger } from '../local-ledger';

/** Advisory lock; every version of LogLine must use the same number. */
const KEY_CHANGE_LOCK = 4_207_849_202;
/** Milliseconds for a running ledger to trust the next key before it signs. */
const SETTLE_MS = 5 * NOTICE_MS;
const NOTICED_TIMEOUT_MS = 10_000;
const LOOK_AGAIN_MS = 50;

/** Runs a key change under a lock, with the keys as they are once the lock is held. */
export async function changeKeys<T>(work: (ledger: LocalLedger) => Promise<T>): Promise<T> {
  return withLocalLedger(async (ledger) => {
    const client = await ledger.database.connect();
    try {
      await client.query('SELECT pg_advisory_lock($1)', [KEY_CHANGE_LOCK]);
      return await work({ ...ledger, keys: await requireKeys(ledger.data) });
    } finally {
      // Closes the connection, which releases the lock.
      client.release(true);
    }
  });
}

/**
 * Rotates the signing key in steps that can be resumed after an interruption: the new key becomes trusted; the old one
 * introduces it in the ledger; it signs; the old one is retired.
 * @returns the current keys
 */
export async function rotate({ data, keys, database }: LocalLedger): Promise<LocalLedger['keys']> {
  const announced = await storeRing(data, keys, keys.ring.withNext(keys.ring.next ?? generateSigningKey()));
  const settled = delay(SETTLE_MS);
  await publish(database, announced.ring);
  // Else a token of the new key could reach a process that has not read the file yet.
  await settled;
  const rotated = await storeRing(data, announced, announced.ring.promoted());
  await publish(database, rotated.ring);
  return rotated;
}

/** Appends the key history of a ring to the ledger. */
export async function publish(database: LocalLedger['database'], ring: KeyRing): Promise<void> {
  await publishKeys({ database, writer: writerOf(database, ring), ring });
}

/** A writer that signs with the instance key. */
export function writerOf(database: LocalLedger['database'], ring: KeyRing): SpanWriter {
  return new SpanWriter({ database, signingKey: () => ring.current });
}

/**
 * Waits until a running local ledger has applied a change.
 * @throws OperatorError when it has not after 10 s
 */
export async function untilNoticed(
  data: LocalLedger['data'],
  hasNoticed: (client: LedgerApi) => Promise<boolean>,
): Promise<void> {
  const url = (await currentRun(data))?.url;
  if (url === undefined) return;
  const client = new LedgerApi(url, undefined);
  for (let waitedMs = 0; waitedMs < NOTICED_TIMEOUT_MS; waitedMs += LOOK_AGAIN_MS) {
    if (await hasNoticed(client)) return;
    await delay(LOOK_AGAIN_MS);
  }
  throw new OperatorError(`the ledger at ${url} does not follow ${data.keys}; stop it and start it again`);
}

/** Whether the ledger signs with this key. */
export async function signsWith(client: LedgerApi, publicKeyHex: string): Promise<boolean> {
  return textMember((await client.request('/api/health')).body, 'public_key') === publicKeyHex;
}
