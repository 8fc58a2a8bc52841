import type { Visibility } from '../base/span';

/** Order of a listing: newest first, oldest first, or by commit. */
export type TimelineOrder = 'desc' | 'asc' | 'feed';

/** Filters of a listing; a span must match all that are given. */
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
  /** Spans whose `related_to` contains this id. */
  readonly related_to?: string;
  /** Excludes spans whose `related_to` contains any of these ids. */
  readonly related_to_none?: readonly string[];
  readonly name?: string;
  /** Earliest `at`, inclusive; in the ledger's form. */
  readonly since?: string;
  /** Latest `at`, exclusive; in the ledger's form. */
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

/** Filters that take several values; a span must match one of them. */
export const REPEATABLE_FILTERS = [...EQUALITY_FILTERS, 'related_to'] as const;

/** Filters with all values of each repeatable one. */
export type TimelineFilterValues = Omit<TimelineFilter, RepeatableFilter | 'related_to_none'> & {
  readonly [Name in RepeatableFilter]?: readonly NonNullable<TimelineFilter[Name]>[];
};

type RepeatableFilter = (typeof REPEATABLE_FILTERS)[number];

/**
 * One filter for each combination of values. A span may relate to several ids, so each `related_to` excludes spans that
 * an earlier one matches.
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
