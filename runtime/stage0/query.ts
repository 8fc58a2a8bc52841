import type { Fault } from '../base/errors';
import { describeFault, malformed, type Validator } from '../json/parse-with';

/** The parameters of a query: text, or a list for those that may be repeated. */
export type Query = Record<string, string | string[]>;

/** Most parameters of a query, a multiple of what routes take: checking thousands would block the event loop. */
const MAX_PARAMETERS = 100;

/**
 * Parses the query of a request by its schema.
 * @param repeatable parameters that become lists, given once or more often
 * @param moreFaults finds faults that a schema cannot express
 * @throws MalformedError with every fault, at the parameter that has it.
 */
export function parseQuery<T>(
  request: Request,
  validator: Validator,
  repeatable: readonly string[] = [],
  moreFaults: (query: Query) => readonly Fault[] = () => [],
): T {
  const { query, faults } = queryOf(request, repeatable);
  if (!validator(query)) {
    for (const fault of validator.errors ?? []) {
      const { pointer, detail } = describeFault(fault, '');
      // Of several values of a parameter it does not matter which one is at fault.
      faults.push({ pointer: pointer.replace(/^(\/[^/]+)\/\d+$/, '$1'), detail });
    }
  }
  faults.push(...moreFaults(query));
  const distinct = faults.filter(
    ({ pointer }, index) => faults.findIndex((other) => other.pointer === pointer) === index,
  );
  if (distinct.length > 0) throw malformed('The query', distinct);
  return query as T;
}

function queryOf(request: Request, repeatable: readonly string[]): { query: Query; faults: Fault[] } {
  const query: Query = Object.create(null);
  const faults: Fault[] = [];
  const { searchParams } = new URL(request.url);
  if (searchParams.size > MAX_PARAMETERS)
    throw malformed('The query', [{ pointer: '', detail: `has more than ${MAX_PARAMETERS} parameters` }]);
  for (const [name, value] of searchParams) {
    const pointer = `/${name}`;
    if (value.includes('\0') || value.includes('\uFFFD'))
      faults.push({ pointer, detail: 'must be UTF-8 without U+0000' });
    const before = query[name];
    if (repeatable.includes(name)) query[name] = [...new Set([...(before ?? []), value])];
    else if (before === undefined) query[name] = value;
    else faults.push({ pointer, detail: 'is given twice' });
  }
  return { query, faults };
}
