/** A queue served round-robin by tenant, and within a tenant first in, first out. */
export class TenantQueue<T> {
  /** In insertion order: the first tenant is served next. */
  readonly #tenants = new Map<string, T[]>();
  #length = 0;

  /** Items that wait, over all tenants. */
  get length(): number {
    return this.#length;
  }

  push(tenant: string, item: T): void {
    const own = this.#tenants.get(tenant);
    if (own === undefined) this.#tenants.set(tenant, [item]);
    else own.push(item);
    this.#length += 1;
  }

  /** Items of this tenant that wait. */
  lengthOf(tenant: string): number {
    return this.#tenants.get(tenant)?.length ?? 0;
  }

  /** Tenants with items that wait. */
  get tenants(): number {
    return this.#tenants.size;
  }

  /**
   * Removes and returns the next item that may go, and moves its tenant to the end; undefined when none may.
   * @param mayGo asked about the first item of each tenant; defaults to always true
   */
  take(mayGo: (item: T, tenant: string) => boolean = () => true): T | undefined {
    for (const [tenant, [first]] of this.#tenants) {
      if (first === undefined || !mayGo(first, tenant)) continue;
      this.#dropFirst(tenant);
      return first;
    }
    return undefined;
  }

  /** Removes an item that no longer waits. */
  remove(tenant: string, item: T): void {
    const own = this.#tenants.get(tenant);
    const index = own?.indexOf(item) ?? -1;
    if (own === undefined || index === -1) return;
    own.splice(index, 1);
    this.#length -= 1;
    if (own.length === 0) this.#tenants.delete(tenant);
  }

  #dropFirst(tenant: string): void {
    const own = this.#tenants.get(tenant) ?? [];
    own.shift();
    this.#length -= 1;
    this.#tenants.delete(tenant);
    if (own.length > 0) this.#tenants.set(tenant, own);
  }
}
