/** Things that wait, taken in turn by tenant, and within a tenant first in, first out. */
export class TenantQueue<T> {
  /** The tenant whose turn is next stands first. */
  readonly #tenants = new Map<string, T[]>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(tenant: string, item: T): void {
    const own = this.#tenants.get(tenant);
    if (own === undefined) this.#tenants.set(tenant, [item]);
    else own.push(item);
    this.#length += 1;
  }

  /** How many things of this tenant wait. */
  lengthOf(tenant: string): number {
    return this.#tenants.get(tenant)?.length ?? 0;
  }

  /** How many tenants wait. */
  get tenants(): number {
    return this.#tenants.size;
  }

  /**
   * The next thing in turn that may go, taken out; its tenant then stands last. Undefined when none may.
   * @param mayGo asked about the first thing of each tenant; defaults to yes.
   */
  take(mayGo: (item: T, tenant: string) => boolean = () => true): T | undefined {
    for (const [tenant, [first]] of this.#tenants) {
      if (first === undefined || !mayGo(first, tenant)) continue;
      this.#dropFirst(tenant);
      return first;
    }
    return undefined;
  }

  /** Takes out a thing that waits no longer. */
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
