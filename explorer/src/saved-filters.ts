import { textOf } from './json';

/** A filter with a name, kept by this browser for one caller. It holds no token. */
export interface SavedFilter {
  readonly name: string;
  /** As in the address. */
  readonly query: string;
}

const MAX_SAVED = 50;

/** Filters name people and things, so each caller has their own. */
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

/** Adds a filter, replacing one of the same name. @returns the saved filters, newest first */
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
    // A browser may refuse storage; they are lost with the page then.
  }
  return filters;
}
