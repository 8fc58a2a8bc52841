import { type Fault, MalformedError } from '../base/errors';
import { type Validator, type ValidatorFault, validateSpanInput } from '../stage0/validators.generated';
import { draftFaults, type SpanDraft } from './span-draft';

/** Faults that one answer lists at most; a thousand spans with the same mistake need no thousand lines. */
const MAX_FAULTS = 100;

/**
 * The value as what its schema describes.
 * @throws MalformedError listing every fault with its JSON pointer.
 */
export function parseWith<T>(validator: Validator, value: unknown, what: string): T {
  if (validator(value)) return value as T;
  throw malformed(
    what,
    (validator.errors ?? []).map((fault) => describe(fault, '')),
  );
}

/**
 * The drafts of a request, each checked by schema and by what a schema cannot say.
 * @param isList whether the pointers start with the index of the span
 * @throws MalformedError listing the faults of all drafts.
 */
export function parseDrafts(values: readonly unknown[], isList: boolean): SpanDraft[] {
  const faults: Fault[] = [];
  const drafts: SpanDraft[] = [];
  values.forEach((value, index) => {
    if (faults.length >= MAX_FAULTS) return;
    const pointer = isList ? `/${index}` : '';
    const bySchema = validateSpanInput(value) ? [] : (validateSpanInput.errors ?? []);
    const found = bySchema.map((fault) => describe(fault, pointer));
    if (isObject(value)) {
      const draft = value as SpanDraft;
      const known = new Set(found.map((fault) => fault.pointer));
      // What is wrong by schema already is not said twice; the rest is said at once.
      found.push(...draftFaults(draft, pointer).filter((fault) => !known.has(fault.pointer)));
      drafts.push(draft);
    }
    faults.push(...found);
  });
  if (faults.length > 0) throw malformed(isList ? 'A span of the request' : 'The span', faults);
  return drafts;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(what: string, faults: readonly Fault[]): MalformedError {
  const first = faults.slice(0, MAX_FAULTS);
  const many = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
  return new MalformedError(`${what} has ${many}; see errors.`, { faults: first });
}

function describe(fault: ValidatorFault, prefix: string): Fault {
  const at = `${prefix}${fault.instancePath}`;
  const member = fault.params.missingProperty ?? fault.params.additionalProperty;
  if (typeof member !== 'string') return { pointer: at, detail: sentence(fault) };
  const pointer = `${at}/${member.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  return {
    pointer,
    detail: fault.keyword === 'required' ? 'is required' : 'is not a member that is known here',
  };
}

/** What the patterns of schemas.ts ask for, in words. */
const PATTERN_MEANINGS: readonly (readonly [RegExp, string])[] = [
  [/^\^\[0-9a-fA-F\]\{8\}/, 'must be a UUID'],
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
