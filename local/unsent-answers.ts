import type { ServerResponse } from 'node:http';

/** Unsent bytes up to which an answer is not counted; over all 8,000 connections that is 64 MiB. */
const SMALL_BYTES = 8 * 1024;

interface Unsent {
  readonly bytes: number;
  /** Who asked for it; empty without a verified token. */
  readonly tenant: string;
}

/**
 * Bounds the memory of answers to slow readers: a thousand readers that never read would hold 4 GiB. Beyond a limit over
 * all connections, the answer is cut that has waited longest of the tenant with the most unsent bytes, so that a tenant
 * that does not read costs none that reads slowly.
 */
export class UnsentAnswers {
  readonly #maxBytes: number;
  /** In order of waiting time, longest first. */
  readonly #answers = new Map<ServerResponse, Unsent>();
  readonly #perTenant = new Map<string, number>();
  #total = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Called after an answer was written. */
  add(response: ServerResponse, tenant: string): void {
    const bytes = response.writableLength;
    if (bytes <= SMALL_BYTES || response.destroyed) return;
    this.#answers.set(response, { bytes, tenant });
    this.#count(tenant, bytes);
    response.once('close', () => this.#forget(response));
    while (this.#total > this.#maxBytes) {
      const longest = this.#longestOf(this.#tenantWithMost());
      if (longest === undefined) return;
      this.#forget(longest);
      longest.destroy();
    }
  }

  #tenantWithMost(): string {
    let most = '';
    let bytes = 0;
    for (const [tenant, own] of this.#perTenant) {
      if (own <= bytes) continue;
      most = tenant;
      bytes = own;
    }
    return most;
  }

  #longestOf(tenant: string): ServerResponse | undefined {
    for (const [response, answer] of this.#answers) if (answer.tenant === tenant) return response;
    return undefined;
  }

  #forget(response: ServerResponse): void {
    const answer = this.#answers.get(response);
    if (answer === undefined) return;
    this.#answers.delete(response);
    this.#count(answer.tenant, -answer.bytes);
  }

  #count(tenant: string, bytes: number): void {
    this.#total += bytes;
    const own = (this.#perTenant.get(tenant) ?? 0) + bytes;
    if (own === 0) this.#perTenant.delete(tenant);
    else this.#perTenant.set(tenant, own);
  }
}
