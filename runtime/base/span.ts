/** A span: one row of `ledger.universal_registry`, version `seq` of entity `id`. */

/** Any JSON value. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

export type JsonObject = { readonly [member: string]: JsonValue };

/** Who may read a span: its owner, its tenant, everyone. */
export type Visibility = 'private' | 'tenant' | 'public';

/** Every value of {@link Visibility}. */
export const VISIBILITIES: readonly Visibility[] = ['private', 'tenant', 'public'];

/** A span as the API returns it. An absent member and a null one mean the same. */
export interface Span {
  /** Lower-case UUID of the entity. */
  readonly id: string;
  /** Version, from 0. */
  readonly seq: number;
  readonly entity_type: string;
  readonly who: string;
  readonly did?: string | null;
  readonly this: string;
  /** RFC 3339 in UTC with exactly three fractional digits and `Z`. */
  readonly at: string;
  readonly parent_id?: string | null;
  readonly related_to?: readonly string[] | null;
  readonly owner_id: string;
  readonly tenant_id: string;
  readonly visibility: Visibility;
  readonly status?: string | null;
  readonly is_deleted: boolean;
  readonly name?: string | null;
  readonly description?: string | null;
  readonly code?: string | null;
  readonly language?: string | null;
  readonly runtime?: string | null;
  readonly input?: JsonValue;
  readonly output?: JsonValue;
  readonly error?: JsonValue;
  readonly metadata?: JsonValue;
  readonly duration_ms?: number | null;
  readonly trace_id?: string | null;
  /** `curr_hash` of the version before; absent at `seq` 0. */
  readonly prev_hash?: string | null;
  /** BLAKE3-256 of the payload, hex. */
  readonly curr_hash?: string | null;
  /** Ed25519 over the 32 bytes of `curr_hash`, hex. */
  readonly signature?: string | null;
  /** The key that signed, hex. */
  readonly public_key?: string | null;
}

/** A span that carries its hash, its signature and the key to check them with. */
export interface SignedSpan extends Span {
  readonly curr_hash: string;
  readonly signature: string;
  readonly public_key: string;
}

/** The name of a column, which is also the name of a member. */
export type SpanColumn = keyof Span;

/** Every column, in the order of the table. */
export const SPAN_COLUMNS = [
  'id',
  'seq',
  'entity_type',
  'who',
  'did',
  'this',
  'at',
  'parent_id',
  'related_to',
  'owner_id',
  'tenant_id',
  'visibility',
  'status',
  'is_deleted',
  'name',
  'description',
  'code',
  'language',
  'runtime',
  'input',
  'output',
  'error',
  'metadata',
  'duration_ms',
  'trace_id',
  'prev_hash',
  'curr_hash',
  'signature',
  'public_key',
] as const satisfies readonly SpanColumn[];
