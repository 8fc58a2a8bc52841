import { refuseSql } from './errors';
import { SMALL_BYTES } from './sql-allowed';
import { type Size, sizeOf } from './sql-size';
import { type Fields, integerOf, isFields, listOf, textOf, unwrap } from './sql-tree';

/**
 * Upper bounds for the values bound to `$1`, `$2`, …: bytes, bytes with numbers written without exponents, and the number
 * of values in each as JSON or array.
 */
export type BoundSizes = readonly {
  readonly bytes: number;
  readonly written: number;
  readonly values: number;
}[];

/** Longest number literal, and largest exponent of one. */
const MAX_NUMBER_CHARACTERS = 60;

/** The size of a constant. @throws SqlRefusedError for a bit string or a huge number */
export function constantSize(fields: Fields): Size {
  if (isFields(fields.fval)) {
    const digits = String(fields.fval.fval ?? '');
    const exponent = Math.abs(Number(/e([+-]?\d+)$/i.exec(digits)?.[1] ?? 0));
    if (digits.length > MAX_NUMBER_CHARACTERS || exponent > MAX_NUMBER_CHARACTERS)
      refuseSql(`a number has more than ${MAX_NUMBER_CHARACTERS} digits`);
  }
  const text = isFields(fields.sval) && typeof fields.sval.sval === 'string' ? fields.sval.sval : '';
  if (isFields(fields.bsval)) refuseSql('bit strings are not allowed');
  return sizeOf(Math.max(SMALL_BYTES, writtenBytes(text)));
}

/** Whether an expression is the same for every row. */
export function isFixed(value: unknown): boolean {
  const node = unwrap(value);
  if (node?.type === 'TypeCast') return isFixed(node.fields.arg);
  return node?.type === 'A_Const' || node?.type === 'ParamRef';
}

/** An array index as text, if the expression is a whole number constant from 0. */
export function nonNegative(value: unknown): string | undefined {
  const index = integerOf(value);
  return index === undefined || index < 0 ? undefined : String(index);
}

/** A text that is a number with an exponent as a whole. */
const NUMBER = /^\s*[+-]?[\d_.]+e([+-]?[\d_]+)\s*$/i;
/** The same as a value of JSON or of an array. Linear: white space is passed over from digits only, and not twice. */
const INNER_NUMBER = /(?=[-+.\d])(?<=[[{,:"]\s*)[+-]?[\d_.]+e([+-]?[\d_]+)(?=\s*[,\]}"])/gi;
/** White space within a string of JSON. */
const JSON_SPACE = /\\(?:[nrtf]|u000b)/g;
const JSON_STRING = /"(?:[^"\\]|\\.)*"/g;
/** Longest exponent in characters, apart from its sign. */
const MAX_EXPONENT_DIGITS = 3;

/**
 * Upper bound of a text's size in bytes once its numbers are written without exponents, as numeric and jsonb do.
 * @throws SqlRefusedError for numbers such as `1e130000`, of 130,000 digits
 */
export function writtenBytes(text: string): number {
  let bytes = Buffer.byteLength(text);
  for (const exponent of exponentsIn(text)) {
    const digits = exponent.replace(/[-+_]/g, '').replace(/^0+/, '');
    if (digits.length > MAX_EXPONENT_DIGITS) refuseSql('a number has an exponent of more than three digits');
    bytes += Number(digits);
  }
  return bytes;
}

/** Exponents of the numbers that PostgreSQL may read from a text: the whole of it, or values of JSON or an array. */
function exponentsIn(text: string): string[] {
  if (!/^\s*[[{]/.test(text)) return NUMBER.exec(text)?.slice(1) ?? [];
  // No array is written like an object, and what JSON has in quotes stays text.
  if (isJsonObject(text)) return innerExponents(text.replace(JSON_STRING, '""'));
  // Lists are given as JSON. Array literals take any character behind a backslash as itself.
  return innerExponents(text.replace(JSON_SPACE, ' ').replaceAll('\\', ''));
}

function innerExponents(text: string): string[] {
  return [...text.matchAll(INNER_NUMBER)].map(([, exponent = '']) => exponent);
}

function isJsonObject(text: string): boolean {
  try {
    return isFields(JSON.parse(text));
  } catch {
    return false;
  }
}

/** Upper bound of the values in JSON or an array given as text: one more than its separators. */
export function valuesInText(text: string): number {
  return (text.match(/[,:]/g)?.length ?? 0) + 1;
}

/** Number of values in a constant or bound value; undefined for any other expression. */
export function valuesIn(value: unknown, bound: BoundSizes): number | undefined {
  const node = unwrap(value);
  if (node?.type === 'TypeCast') return valuesIn(node.fields.arg, bound);
  if (node?.type === 'ParamRef') return bound[Number(node.fields.number) - 1]?.values ?? 1;
  if (node?.type === 'A_ArrayExpr') {
    const counts = listOf(node.fields.elements).map((item) => valuesIn(item, bound));
    return counts.includes(undefined)
      ? undefined
      : counts.reduce<number>((total, count) => total + (count ?? 0), 0);
  }
  const text = textOf(value);
  if (text !== undefined) return valuesInText(text);
  return node?.type === 'A_Const' ? 1 : undefined;
}

/**
 * Length of a search term in bytes.
 * @param what names the term in the refusal
 * @throws SqlRefusedError when it is neither a constant nor a bound value
 */
export function needleBytes(value: unknown, bound: BoundSizes, what: string): number {
  const node = unwrap(value);
  if (node?.type === 'TypeCast') return needleBytes(node.fields.arg, bound, what);
  if (node?.type === 'ParamRef') return bound[Number(node.fields.number) - 1]?.bytes ?? 1;
  const text = textOf(value) ?? refuseSql(`${what} must be a constant or a bound value`);
  return Math.max(1, Buffer.byteLength(text));
}
