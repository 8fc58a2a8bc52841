/** What a type of resource takes: to look at it, and to make, change and remove it. */
export interface Need {
  readonly service: string;
  readonly read: readonly string[];
  readonly write: readonly string[];
  /** ARNs, with `$R` region, `$A` account, `$P` partition, `$N` the stack's prefix; `*` where AWS offers nothing narrower. */
  readonly on: readonly string[];
}
