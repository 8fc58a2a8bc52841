import { createHash } from 'node:crypto';
import { IdempotencyKeyReusedError } from '../base/errors';
import type { Identity } from '../base/identity';
import type { SignedSpan } from '../base/span';
import type { Database } from '../db/pool';
import { runStatement } from '../db/query-as';
import { payloadOf } from '../json/payload';
import type { IdempotencyRecord } from './append-queue';
import type { DraftGroup } from './conflicts';
import { keyOf } from './span-key';
import { readSpans } from './span-reader';

/** An `Idempotency-Key` and the digest of the request it was sent with. */
export type RequestFingerprint = Pick<IdempotencyRecord, 'key' | 'fingerprint'>;

/**
 * The fingerprint of a request. It covers the user: keys are shared within a tenant, but a replay must not hand one user
 * another's private spans.
 */
export async function requestFingerprint(
  key: string,
  { identity: { user }, drafts, hasher }: DraftGroup,
): Promise<RequestFingerprint> {
  const content = [user, ...drafts.map((draft) => payloadOf(draft))];
  const text = await hasher.text(content);
  return { key, fingerprint: createHash('sha256').update(text).digest('hex') };
}

/** The Idempotency-Keys of appended requests, as stored in the database. */
export class IdempotencyKeys {
  readonly #database: Database;
  readonly #days: number;

  /** @param days how long a key is valid, at least 1 */
  constructor(database: Database, days: number) {
    this.#database = database;
    this.#days = days;
  }

  /**
   * The spans that the same request appended before; undefined for an unused or expired key.
   * @throws IdempotencyKeyReusedError when the key was used for another request
   */
  async replay(identity: Identity, request: RequestFingerprint): Promise<SignedSpan[] | undefined> {
    const [known] = await runStatement(this.#database, identity, 'idempotency_key', [
      identity.tenant,
      request.key,
      this.#days,
    ]);
    if (known === undefined) return undefined;
    if (known.fingerprint !== request.fingerprint) {
      throw new IdempotencyKeyReusedError(
        'This Idempotency-Key was used for another request of this tenant; send a fresh key.',
      );
    }
    // The key was committed together with its spans, so they can be read now.
    const keys = known.span_ids.map((id, index) => ({ id, seq: known.span_seqs[index] ?? 0 }));
    const rows = new Map((await readSpans(this.#database, identity, keys)).map((row) => [keyOf(row), row]));
    return keys.flatMap((key) => rows.get(keyOf(key)) ?? []);
  }

  /** Deletes the key if it has expired. @returns whether it had */
  async freeExpired(identity: Identity, key: string): Promise<boolean> {
    const values = [identity.tenant, key, this.#days] as const;
    const freed = await runStatement(this.#database, identity, 'free_idempotency_key', [...values], 'write');
    return freed.length > 0;
  }
}
