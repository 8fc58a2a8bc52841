import { type Fault, MalformedError } from '../base/errors';
import { pointerWithin } from './json-pointer';

/** A fault as a compiled schema reports it (ajv's ErrorObject, the members in use). */
export interface ValidatorFault {
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: { readonly [name: string]: unknown };
  readonly message?: string;
}

/** A schema compiled to plain code by `npm run generate`. */
export interface Validator {
  (data: unknown): boolean;
  readonly errors?: readonly ValidatorFault[] | null;
}

/** Most faults that one error lists: a thousand spans with the same mistake need no thousand lines. */
export const MAX_FAULTS = 100;

/**
 * Checks a value against a compiled schema and returns it as `T`, which must be the schema's type.
 * @param what names the value in the error message
 * @throws MalformedError with the faults found (at most {@link MAX_FAULTS}), each with its JSON pointer
 */
export function parseWith<T>(validator: Validator, value: unknown, what: string): T {
  if (validator(value)) return value as T;
  throw malformed(
    what,
    (validator.errors ?? []).map((fault) => describeFault(fault, '')),
  );
}

/** The faults of one input as one error, which lists the first {@link MAX_FAULTS}. */
export function malformed(what: string, faults: readonly Fault[]): MalformedError {
  const first = faults.slice(0, MAX_FAULTS);
  const many = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
  return new MalformedError(`${what} has ${many}; see errors.`, { faults: first });
}

/** A fault in words, its JSON pointer prefixed with `prefix`. */
export function describeFault(fault: ValidatorFault, prefix: string): Fault {
  const at = `${prefix}${fault.instancePath}`;
  const member = fault.params.missingProperty ?? fault.params.additionalProperty;
  if (typeof member !== 'string') return { pointer: at, detail: sentence(fault) };
  return {
    pointer: pointerWithin(at, [member]),
    detail: fault.keyword === 'required' ? 'is required' : 'is not a member that is known here',
  };
}

/** Patterns of the schemas, by how their source begins or ends, in words. */
const PATTERN_MEANINGS: readonly (readonly [RegExp, string])[] = [
  [/^\^\[0-9a-fA-F\]\{8\}/, 'must be a UUID'],
  [/^\^\(\?:\[0-9a-f\]\{64\}/, 'must be 64 lower-case hex digits, or empty'],
  [/^\^\[\^\\s/, 'must be a host such as api.example.com, or a host and port such as 127.0.0.1:11434'],
  [/\{64\}\$$/, 'must be 64 lower-case hex digits'],
  [/\{128\}\$$/, 'must be 128 lower-case hex digits'],
  [/1000/, 'must be a whole number from 1 to 1000'],
  [/^\^\(\?:0/, 'must be a whole number from 0'],
];

function sentence({ keyword, params, message = 'is not valid' }: ValidatorFault): string {
  if (keyword === 'enum' && Array.isArray(params.allowedValues)) {
    return `must be one of ${params.allowedValues.filter((value) => value !== null).join(', ')}`;
  }
  if (keyword === 'type')
    return `must be of type ${[params.type]
      .flat()
      .filter((type) => type !== 'null')
      .join(' or ')}`;
  if (keyword === 'pattern') {
    const { pattern } = params;
    const meaning = PATTERN_MEANINGS.find(([start]) => typeof pattern === 'string' && start.test(pattern));
    if (meaning !== undefined) return meaning[1];
  }
  return message;
}
