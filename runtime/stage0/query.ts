import { MalformedError } from '../base/errors';

/**
 * The query of a request as an object of strings.
 * @throws MalformedError for a parameter given twice, and for text that PostgreSQL cannot hold.
 */
export function queryOf(request: Request): Record<string, string> {
  const query: Record<string, string> = Object.create(null);
  for (const [name, value] of new URL(request.url).searchParams) {
    if (name in query) throw fault(name, 'is given twice');
    if (value.includes('\0') || value.includes('�')) throw fault(name, 'must be UTF-8 without U+0000');
    query[name] = value;
  }
  return query;
}

function fault(name: string, detail: string): MalformedError {
  return new MalformedError('The query has a fault; see errors.', {
    faults: [{ pointer: `/${name}`, detail }],
  });
}
