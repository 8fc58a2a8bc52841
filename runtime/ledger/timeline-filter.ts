import type { Visibility } from '../base/span';

/** How a listing is ordered: newest first, oldest first, or as committed. */
export type TimelineOrder = 'desc' | 'asc' | 'feed';

/** What a listing is narrowed to. All given filters must hold. */
export interface TimelineFilter {
  readonly entity_type?: string;
  readonly status?: string;
  readonly who?: string;
  readonly did?: string;
  readonly owner_id?: string;
  readonly tenant_id?: string;
  readonly visibility?: Visibility;
  readonly trace_id?: string;
  readonly parent_id?: string;
  /** Spans whose `related_to` holds this id. */
  readonly related_to?: string;
  readonly name?: string;
  /** At this moment or later; the ledger's form. */
  readonly since?: string;
  /** Before this moment; the ledger's form. */
  readonly until?: string;
}

/** Filters that compare one column with one value. */
export const EQUALITY_FILTERS = [
  'entity_type',
  'status',
  'who',
  'did',
  'owner_id',
  'tenant_id',
  'visibility',
  'trace_id',
  'parent_id',
  'name',
] as const satisfies readonly (keyof TimelineFilter)[];
