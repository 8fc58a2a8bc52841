import canonicalize from 'canonicalize';
import { inOneGo, inSlices, type Pause, VALUES_A_SLICE } from '../base/slices';
import type { JsonValue } from '../base/span';

/**
 * Deepest nesting of arrays and objects in anything LogLine reads or signs; `[]` has depth 1. PostgreSQL and common
 * JSON parsers go deeper, so whatever is accepted here can be read back anywhere.
 */
export const MAX_JSON_DEPTH = 128;

/**
 * The RFC 8785 (JCS) text of a JSON value: members sorted by UTF-16 code units, ECMAScript numbers, no white
 * space.
 *
 * Only JSON goes in: npm `canonicalize` behaves like `JSON.stringify` and silently drops `undefined` and
 * functions and calls `toJSON`, which would sign something other than what the caller holds.
 * @throws TypeError for `undefined`, functions, symbols, bigints, NaN and infinities, lone surrogates, sparse
 *   arrays, instances of classes, and nesting deeper than {@link MAX_JSON_DEPTH} (so also for cycles). The
 *   message has the position as a JSON pointer.
 */
export function canonicalText(value: unknown): string {
  const ordered = inOrder(value, 1);
  if (ordered === undefined) return inOneGo(textInSteps(accepted(value)));
  const text = JSON.stringify(ordered);
  // JSON.stringify escapes lone surrogates as \ud…; an escaped backslash before the letters "ud" looks the same, so
  // only the full check decides.
  if (text.includes('\\ud')) accepted(value);
  return text;
}

/** The value as JSON. @throws TypeError with the first problem in it */
function accepted(value: unknown): JsonValue {
  const problem = problemIn(value, 1);
  if (problem !== undefined) {
    throw new TypeError(`not canonical JSON at '${problem.path}': ${problem.detail}`);
  }
  return value as JsonValue;
}

/**
 * {@link canonicalText} with a pause between slices, for values that would block the event loop. Slower in total.
 * @throws TypeError as canonicalText does, without the pointer
 */
export function canonicalTextInSlices(value: JsonValue, pause: Pause): Promise<string> {
  return inSlices(textInSteps(value), pause);
}

function* textInSteps(value: JsonValue): Generator<undefined, string> {
  const pieces: string[] = [];
  yield* writePieces({ value, prefix: '', depth: 1 }, { pieces, pauseAt: VALUES_A_SLICE });
  return pieces.join('');
}

interface Piece {
  readonly value: JsonValue;
  /** Text before the value: a comma, a member name and colon. */
  readonly prefix: string;
  readonly depth: number;
}

interface Pieces {
  readonly pieces: string[];
  /** Number of pieces at which the next pause is due. */
  pauseAt: number;
}

function* writePieces({ value, prefix, depth }: Piece, out: Pieces): Generator<undefined, void> {
  if (typeof value !== 'object' || value === null) {
    out.pieces.push(prefix + scalarText(value));
    return;
  }
  if (depth > MAX_JSON_DEPTH) throw new TypeError(`not canonical JSON: nested deeper than ${MAX_JSON_DEPTH}`);
  const isArray = Array.isArray(value);
  const members = value as Readonly<Record<string, JsonValue>>;
  const names = Object.keys(value);
  // The indices come first; further properties of a JavaScript array are no JSON.
  if (isArray) names.length = value.length;
  else sortNames(names);
  if (names.length > VALUES_A_SLICE) yield;
  out.pieces.push(`${prefix}${isArray ? '[' : '{'}`);
  let separator = '';
  for (const name of names) {
    const before = isArray ? separator : `${separator}${scalarText(name)}:`;
    separator = ',';
    const member = members[name];
    // Most values are scalars, and a generator for each would double the cost.
    if (typeof member === 'object')
      yield* writePieces({ value: member, prefix: before, depth: depth + 1 }, out);
    else out.pieces.push(before + scalarText(member));
    if (out.pieces.length < out.pauseAt) continue;
    out.pauseAt = out.pieces.length + VALUES_A_SLICE;
    yield;
  }
  out.pieces.push(isArray ? ']' : '}');
}

function scalarText(value: JsonValue | undefined): string {
  const isBad = typeof value === 'string' ? !value.isWellFormed() : !isJsonScalar(value);
  if (isBad) throw new TypeError(`not canonical JSON: ${typeof value}`);
  return JSON.stringify(value);
}

function isJsonScalar(value: JsonValue | undefined): boolean {
  return value === null || typeof value === 'boolean' || Number.isFinite(value);
}

/** The reference, by npm `canonicalize`, that {@link canonicalText} is tested equal to. @throws TypeError likewise */
export function referenceCanonicalText(value: unknown): string {
  const text = canonicalize(accepted(value));
  if (text === undefined) throw new TypeError("not canonical JSON at '': no value");
  return text;
}

/**
 * The value with the members of every object sorted, copying only objects that are not sorted yet; `JSON.stringify` of
 * the result is the RFC 8785 text (section 3.2.2). Undefined for anything but plain JSON, and for member names whose
 * order JavaScript fixes: those are written by {@link textInSteps}. This is the hot path: it takes half the time and
 * memory of joining text member by member.
 */
function inOrder(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : undefined;
    case 'object':
      if (value === null) return null;
      if (depth > MAX_JSON_DEPTH) return undefined;
      return Array.isArray(value) ? arrayInOrder(value, depth) : objectInOrder(value, depth);
    default:
      return undefined;
  }
}

function arrayInOrder(array: readonly unknown[], depth: number): readonly unknown[] | undefined {
  let copy: unknown[] | undefined;
  for (let index = 0; index < array.length; index += 1) {
    const element = inOrder(array[index], depth + 1);
    if (element === undefined) return undefined;
    if (element === array[index]) continue;
    copy ??= [...array];
    copy[index] = element;
  }
  return copy ?? array;
}

/** Names that JavaScript puts first whatever the order of assignment (integers), or that set the prototype. */
const UNORDERED_NAME = /^(?:\d|__proto__$)/;

function objectInOrder(object: object, depth: number): object | undefined {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== null && prototype !== Object.prototype) return undefined;
  const members = object as Readonly<Record<string, unknown>>;
  const names = Object.keys(members);
  const wasInOrder = isSorted(names);
  if (!wasInOrder) sortNames(names);
  let copy: Record<string, unknown> | undefined;
  for (const name of names) {
    const member = inOrder(members[name], depth + 1);
    if (member === undefined) return undefined;
    if (wasInOrder && member === members[name]) continue;
    if (UNORDERED_NAME.test(name)) return undefined;
    copy ??= wasInOrder ? { ...members } : {};
    copy[name] = member;
  }
  return copy ?? object;
}

/** Whether names are sorted by their UTF-16 code units (RFC 8785 section 3.2.3), which `<` compares. */
function isSorted(names: readonly string[]): boolean {
  for (let index = 1; index < names.length; index += 1) {
    if ((names[index - 1] ?? '') > (names[index] ?? '')) return false;
  }
  return true;
}

/** Up to this many names are sorted by insertion, which is linear for nearly sorted input and allocates nothing. */
const MAX_INSERTION_SORT = 32;

/** Sorts names in place, as RFC 8785 section 3.2.3 orders the members of an object. */
export function sortNames(names: string[]): void {
  if (names.length > MAX_INSERTION_SORT) {
    names.sort();
    return;
  }
  for (let end = 1; end < names.length; end += 1) {
    const name = names[end] ?? '';
    let at = end;
    for (; at > 0 && (names[at - 1] ?? '') > name; at -= 1) names[at] = names[at - 1] ?? '';
    names[at] = name;
  }
}

/** Why a value cannot be written as JSON, and where. */
export interface Problem {
  /** JSON pointer. */
  path: string;
  readonly detail: string;
}

/** Returns what is wrong with a text, or undefined. */
type TextRule = (text: string) => string | undefined;

const wellFormed: TextRule = (text) => (text.isWellFormed() ? undefined : 'lone surrogate');

/**
 * The first thing in `value` that JSON cannot carry. The path is built while returning, so valid input pays nothing.
 * @param depth the nesting level of the value; the outermost is 1
 * @param textRule checks texts and member names; defaults to well-formed UTF-16
 */
export function problemIn(value: unknown, depth: number, textRule = wellFormed): Problem | undefined {
  switch (typeof value) {
    case 'string': {
      const detail = textRule(value);
      return detail === undefined ? undefined : { path: '', detail };
    }
    case 'number':
      return Number.isFinite(value) ? undefined : { path: '', detail: `${value} is not a JSON number` };
    case 'boolean':
      return undefined;
    case 'object':
      if (value === null) return undefined;
      if (depth > MAX_JSON_DEPTH) return { path: '', detail: `nested deeper than ${MAX_JSON_DEPTH} levels` };
      return Array.isArray(value)
        ? problemInArray(value, depth, textRule)
        : problemInObject(value, depth, textRule);
    default:
      return { path: '', detail: `${typeof value} is not a JSON value` };
  }
}

function problemInArray(array: readonly unknown[], depth: number, textRule: TextRule): Problem | undefined {
  for (let index = 0; index < array.length; index += 1) {
    const problem = problemIn(array[index], depth + 1, textRule);
    if (problem !== undefined) return within(problem, String(index));
  }
  return undefined;
}

function problemInObject(object: object, depth: number, textRule: TextRule): Problem | undefined {
  const prototype: unknown = Object.getPrototypeOf(object);
  // An object of another realm (a worker, node:vm) has another Object.prototype, itself without a prototype.
  if (prototype !== null && prototype !== Object.prototype && Object.getPrototypeOf(prototype) !== null) {
    return { path: '', detail: 'an instance of a class is not a JSON value' };
  }
  for (const [name, member] of Object.entries(object)) {
    const detail = textRule(name);
    if (detail !== undefined) return { path: '', detail: `${detail} in a member name` };
    const problem = problemIn(member, depth + 1, textRule);
    if (problem !== undefined) return within(problem, name);
  }
  return undefined;
}

function within(problem: Problem, token: string): Problem {
  problem.path = `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}${problem.path}`;
  return problem;
}
