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
  /** Spans that relate to any of these ids are left out. */
  readonly related_to_none?: readonly string[];
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

/** Filters that may be given several values, any of which may hold. */
export const REPEATABLE_FILTERS = [...EQUALITY_FILTERS, 'related_to'] as const;

/** Values that each filter may have: for a repeatable one all that are wanted. */
export type TimelineFilterValues = Omit<TimelineFilter, RepeatableFilter | 'related_to_none'> & {
  readonly [Name in RepeatableFilter]?: readonly NonNullable<TimelineFilter[Name]>[];
};

type RepeatableFilter = (typeof REPEATABLE_FILTERS)[number];

/**
 * One filter for each combination of values. A span relates to many, so of several `related_to` each leaves out what
 * those before it have found.
 */
export function combinedFilters(values: TimelineFilterValues): TimelineFilter[] {
  const { since, until } = values;
  const once: TimelineFilter = {
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
  return REPEATABLE_FILTERS.reduce<TimelineFilter[]>(
    (filters, name) => {
      const wanted = values[name];
      if (wanted === undefined) return filters;
      return filters.flatMap((filter) =>
        wanted.map((value, index) => ({
          ...filter,
          [name]: value,
          ...(name === 'related_to' && index > 0 ? { related_to_none: wanted.slice(0, index) } : {}),
        })),
      );
    },
    [once],
  );
}
