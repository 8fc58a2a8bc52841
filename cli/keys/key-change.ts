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

/** Any constant works, as long as every version of LogLine uses the same. */
const KEY_CHANGE_LOCK = 4_207_849_202;
/** Time for a running ledger to trust the next key before anything is signed with it. */
const SETTLE_MS = 5 * NOTICE_MS;
const NOTICED_TIMEOUT_MS = 10_000;
const LOOK_AGAIN_MS = 50;

/** Runs a change of the keys, one at a time, with the keys as they are once it is our turn. */
export async function changeKeys<T>(work: (ledger: LocalLedger) => Promise<T>): Promise<T> {
  return withLocalLedger(async (ledger) => {
    const client = await ledger.database.connect();
    try {
      await client.query('SELECT pg_advisory_lock($1)', [KEY_CHANGE_LOCK]);
      return await work({ ...ledger, keys: await requireKeys(ledger.data) });
    } finally {
      // Closed rather than given back: the lock goes with the connection.
      client.release(true);
    }
  });
}

/**
 * Puts a new key in place of the signing key, in steps that can be interrupted after each and taken up again:
 * the new key becomes trusted; the ledger is told of it by the old one; it signs; the old one is retired.
 * @returns the keys as they are now
 */
export async function rotate({ data, keys, database }: LocalLedger): Promise<LocalLedger['keys']> {
  const announced = await storeRing(data, keys, keys.ring.withNext(keys.ring.next ?? generateSigningKey()));
  const settled = delay(SETTLE_MS);
  await publish(database, announced.ring);
  // Otherwise a token of the new key could reach a process that has not looked at the file yet.
  await settled;
  const rotated = await storeRing(data, announced, announced.ring.promoted());
  await publish(database, rotated.ring);
  return rotated;
}

/** Tells the ledger of the ring. */
export async function publish(database: LocalLedger['database'], ring: KeyRing): Promise<void> {
  await publishKeys({ database, writer: writerOf(database, ring), ring });
}

/** Appends as the instance does. */
export function writerOf(database: LocalLedger['database'], ring: KeyRing): SpanWriter {
  return new SpanWriter({ database, signingKey: () => ring.current });
}

/**
 * Waits until the local run, if there is one, has followed a change.
 * @throws OperatorError when it does not within 10 s
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

/** Whether the ledger there signs with this key. */
export async function signsWith(client: LedgerApi, publicKeyHex: string): Promise<boolean> {
  return textMember((await client.request('/api/health')).body, 'public_key') === publicKeyHex;
}
