/** Permissions for a resource type: to read it, and to create, change and delete it. */
export interface Need {
  /** Service prefix of its actions: `ec2`. */
  readonly service: string;
  /** Actions to read it, without the service prefix. */
  readonly read: readonly string[];
  /** Actions to create, change and delete it, without the service prefix. */
  readonly write: readonly string[];
  /** ARNs, with `$R` region, `$A` account, `$P` partition, `$N` the stack's prefix; `*` where AWS supports nothing narrower. */
  readonly on: readonly string[];
}
