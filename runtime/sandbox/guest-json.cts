import type { SandboxError } from './protocol';
import type { ErrorOf, JsonFault } from './worker-parts';

const { MAX_JSON_DEPTH }: typeof import('./guest-host') = require('./guest-host.generated.cjs');

const MAX_MESSAGE = 4_000;
const MAX_STACK_LINES = 20;

/**
 * Refuses deep nesting and `__proto__` members, which would harm careless readers, and more values than the main thread
 * should parse. Breadth first, without recursion.
 */
const jsonFault: JsonFault = (text, maxValues) => {
  let values = 1;
  let level: unknown[];
  try {
    level = [JSON.parse(text)];
  } catch {
    return 'it is not JSON';
  }
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_JSON_DEPTH) return `it is nested deeper than ${MAX_JSON_DEPTH} levels`;
    const next: unknown[] = [];
    for (const item of level) {
      if (typeof item !== 'object' || item === null) continue;
      if (Object.hasOwn(item, '__proto__')) return 'it has a member named __proto__';
      const children: unknown[] = Object.values(item);
      values += children.length;
      if (values > maxValues) return `it holds more than ${maxValues} JSON values`;
      for (const child of children) if (typeof child === 'object' && child !== null) next.push(child);
    }
    level = next;
  }
  return null;
};

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value.length > 0 ? value.slice(0, MAX_MESSAGE) : undefined;

/** The stack frames within the user's file, and the line and column of the first one. */
function framesOf(stack: unknown, filename: string): Pick<SandboxError, 'line' | 'column' | 'stack'> {
  if (typeof stack !== 'string') return {};
  const frames = stack.split('\n').filter((line) => line.includes(`${filename}:`));
  const first = frames[0];
  if (first === undefined) return {};
  const [line, column] = first.slice(first.indexOf(`${filename}:`) + filename.length + 1).split(':');
  const numberOf = (text: string | undefined) => Number.parseInt(text ?? '', 10) || undefined;
  return {
    line: numberOf(line),
    column: numberOf(column),
    stack: frames.slice(0, MAX_STACK_LINES).join('\n'),
  };
}

const errorOf: ErrorOf = (code, description, filename) => {
  let parsed: unknown;
  try {
    parsed = JSON.parse(description ?? '');
  } catch {
    parsed = undefined;
  }
  const said: Record<string, unknown> = typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
  // The prelude cannot describe errors of code that breaks JSON for itself, for instance by setters on array indexes.
  const fallback = parsed === undefined ? 'the code failed in a way that cannot be described' : '';
  const error: SandboxError = {
    code,
    name: textOf(said.name) ?? 'Error',
    message: textOf(said.message) ?? fallback,
  };
  if (/^(InternalError|RangeError)$/.test(error.name)) {
    if (/^out of memory/.test(error.message)) error.code = 'memory_limit';
    if (/^(Maximum call stack size exceeded|stack overflow)/.test(error.message)) error.code = 'stack_limit';
  }
  const cause = textOf(said.code);
  return {
    ...error,
    ...framesOf(said.stack, filename),
    ...(cause === undefined ? {} : { cause_code: cause }),
  };
};

module.exports = { jsonFault, errorOf };
