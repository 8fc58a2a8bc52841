import { textOf } from './json';

/** A named filter, stored by this browser for one caller. */
export interface SavedFilter {
  readonly name: string;
  /** Query of the address. */
  readonly query: string;
}

const MAX_SAVED = 50;

/** Storage key of a caller: filters name people and things, so callers do not share them. */
function keyOf(caller: string): string {
  return `logline.filters.${caller}`;
}

export function savedFilters(caller: string): readonly SavedFilter[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(keyOf(caller)) ?? '[]');
    if (!Array.isArray(stored)) return [];
    return stored.flatMap((one: unknown) => {
      const name = textOf(one, 'name');
      const query = textOf(one, 'query');
      return name === undefined || query === undefined ? [] : [{ name, query }];
    });
  } catch {
    return [];
  }
}

/** Adds a filter and replaces one of the same name. @returns the saved filters, newest first */
export function saveFilter(caller: string, filter: SavedFilter): readonly SavedFilter[] {
  const others = savedFilters(caller).filter(({ name }) => name !== filter.name);
  return keep(caller, [filter, ...others].slice(0, MAX_SAVED));
}

export function forgetFilter(caller: string, name: string): readonly SavedFilter[] {
  return keep(
    caller,
    savedFilters(caller).filter((one) => one.name !== name),
  );
}

function keep(caller: string, filters: readonly SavedFilter[]): readonly SavedFilter[] {
  try {
    localStorage.setItem(keyOf(caller), JSON.stringify(filters));
  } catch {
    // The browser refuses storage, so the filters are lost with the page.
  }
  return filters;
}
