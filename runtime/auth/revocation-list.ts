import { isYounger } from '../base/age';
import { type Identity, SYSTEM } from '../base/identity';
import { LruCache } from '../base/lru-cache';
import type { Database } from '../db/pool';
import { runStatement } from '../db/query-as';
import type { Caller } from './caller';

/** A revocation must take effect within 60 s; caching may use half of that. */
const REMEMBER_MS = 30_000;
const REMEMBERED = 10_000;

interface Answer {
  readonly revoked: boolean;
  readonly atMs: number;
  /** The last revocation that this answer knows of, of the tenant or the system's. */
  readonly revocation: number;
}

/**
 * Whether a token was revoked, by its own tenant or by the system tenant; answers are cached for 30 s. Anyone in the
 * tenant who knows a `jti` may revoke it: only the holder and the issuer of a token know it, as in RFC 7009.
 */
export class RevocationList {
  readonly #database: Database;
  readonly #now: () => number;
  readonly #answers = new LruCache<Answer>(REMEMBERED);
  /** Tenant → number of its last revocation, ascending over all tenants. Defaults to 0. */
  readonly #lastRevocations = new LruCache<number>(REMEMBERED);
  #revocations = 0;

  constructor(database: Database, now: () => number = Date.now) {
    this.#database = database;
    this.#now = now;
  }

  /** @throws UnavailableError when the database does not answer and nothing is remembered. */
  async isRevoked({ user, tenant, tokenId }: Caller): Promise<boolean> {
    if (tokenId === undefined) return false;
    const name = JSON.stringify([tenant, tokenId]);
    const remembered = this.#answers.get(name);
    const revocation = Math.max(this.#lastRevocationOf(tenant), this.#lastRevocationOf(SYSTEM.tenant));
    if (remembered?.revocation === revocation && isYounger(remembered.atMs, REMEMBER_MS, this.#now()))
      return remembered.revoked;
    const revoked = await this.#look({ user, tenant }, tokenId);
    this.#answers.set(name, { revoked, atMs: this.#now(), revocation });
    return revoked;
  }

  /**
   * Forgets the answers for a tenant's tokens, for which this instance has just appended a revocation; those of all
   * tenants when it is the system's. Those of others stay: a tenant that revokes without end must not send each of their
   * requests to the database.
   */
  forget(tenant: string): void {
    this.#revocations += 1;
    this.#lastRevocations.set(tenant, this.#revocations);
  }

  #lastRevocationOf(tenant: string): number {
    return this.#lastRevocations.get(tenant) ?? 0;
  }

  async #look(identity: Identity, tokenId: string): Promise<boolean> {
    const rows = await runStatement(this.#database, identity, 'revocation', [tokenId, identity.tenant]);
    return rows.length > 0;
  }
}
