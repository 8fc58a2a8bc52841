import { isUuid } from '../../client/src/uuid';

/** Filters of `GET /api/timeline` that take several values, of which any may match, in the order of the form. */
export const VALUE_FILTERS = [
  'entity_type',
  'status',
  'who',
  'did',
  'name',
  'owner_id',
  'tenant_id',
  'visibility',
  'trace_id',
  'parent_id',
  'related_to',
] as const;

export type ValueFilter = (typeof VALUE_FILTERS)[number];

/** A filter of the timeline. The address holds all of it, so that a link shows the same to everybody with access. */
export interface Filter {
  readonly values: Readonly<Partial<Record<ValueFilter, readonly string[]>>>;
  /** RFC 3339, inclusive. */
  readonly since?: string | undefined;
  /** RFC 3339, exclusive. */
  readonly until?: string | undefined;
}

export const NO_FILTER: Filter = { values: {} };

/** Combinations of values that the ledger accepts. */
const MAX_COMBINATIONS = 10;
const VISIBILITIES = new Set(['private', 'tenant', 'public']);

/** A parsed filter, and why parts of the address cannot be applied. */
export interface ReadFilter {
  readonly filter: Filter;
  readonly faults: readonly string[];
}

export function filterOf(search: URLSearchParams): ReadFilter {
  const faults: string[] = [];
  const values: Partial<Record<ValueFilter, string[]>> = {};
  const times: { since?: string; until?: string } = {};
  for (const [name, value] of search) {
    if (isValueFilter(name)) {
      const fault = valueFault(name, value);
      if (fault === undefined) {
        const list = values[name] ?? [];
        values[name] = list;
        if (!list.includes(value)) list.push(value);
      } else faults.push(fault);
    } else if (name === 'since' || name === 'until') {
      if (Number.isNaN(Date.parse(value)))
        faults.push(`${name}: “${value}” is no time such as 2026-01-31T12:00:00Z`);
      else times[name] = value;
    } else faults.push(`${name}: there is no such filter`);
  }
  const filter = { values, ...times };
  const combinations = combinationsOf(filter);
  if (combinations > MAX_COMBINATIONS)
    faults.push(`${combinations} combinations of values are asked for; the ledger takes ${MAX_COMBINATIONS}`);
  return { filter, faults };
}

export function isValueFilter(name: string): name is ValueFilter {
  return (VALUE_FILTERS as readonly string[]).includes(name);
}

/** Why the ledger would refuse a value; undefined when it would accept it. */
export function valueFault(name: ValueFilter | 'id', value: string): string | undefined {
  if (value === '') return `${name}: is empty`;
  if (name === 'visibility' && !VISIBILITIES.has(value)) return `visibility: is private, tenant or public`;
  if ((name === 'id' || name === 'parent_id' || name === 'related_to') && !isUuid(value.toLowerCase()))
    return `${name}: “${value}” is no UUID`;
  return undefined;
}

/** Number of single-valued filters that it stands for. */
function combinationsOf({ values }: Filter): number {
  return Object.values(values).reduce((product, list) => product * list.length, 1);
}

/** The filter as a query in a fixed order, so that equal filters have equal addresses. */
export function searchOf({ values, since, until }: Filter): URLSearchParams {
  const search = new URLSearchParams();
  for (const name of VALUE_FILTERS) for (const value of values[name] ?? []) search.append(name, value);
  if (since !== undefined) search.append('since', since);
  if (until !== undefined) search.append('until', until);
  return search;
}

/** The filter as the client's query. */
export function queryOf({
  values,
  since,
  until,
}: Filter): Readonly<Record<string, string | readonly string[]>> {
  return {
    ...values,
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
}

/** The filter with one more value. */
export function withValue(filter: Filter, name: ValueFilter, value: string): Filter {
  const list = filter.values[name] ?? [];
  return list.includes(value)
    ? filter
    : { ...filter, values: { ...filter.values, [name]: [...list, value] } };
}

/** The filter without a value. */
export function withoutValue(filter: Filter, name: ValueFilter, value: string): Filter {
  const { [name]: list = [], ...others } = filter.values;
  const left = list.filter((one) => one !== value);
  return { ...filter, values: left.length === 0 ? others : { ...others, [name]: left } };
}
