import { SMALL_BYTES, SPAN_BYTES, SPAN_COLUMNS, STRUCTURED_COLUMNS } from './sql-allowed';
import { largest, partOf, type Size, sizeOf } from './sql-size';
import type { Fields } from './sql-tree';

/** A column that a query answers: how large it may be, and what it costs to make it once more. */
export interface Column {
  readonly name: string;
  readonly bytes: number;
  readonly ms: number;
  /** Known to be text, and nothing that becomes text only when asked. */
  readonly isText: boolean;
}

/** What a query answers. `columns` is undefined when their names are not known. */
export interface Answered {
  readonly columns: readonly Column[] | undefined;
  readonly rowBytes: number;
  readonly rowMs: number;
}

/** One entry of a FROM list. */
export interface Source {
  /** Its number among the rows of the statement. */
  readonly row: number;
  readonly name: string;
  readonly columns: ReadonlyMap<string, Column>;
  /** A column by any other name; undefined when there is none. */
  readonly others: Column | undefined;
  readonly rowBytes: number;
  readonly rowMs: number;
}

/** What a name may mean at one place of a statement. */
export interface Scope {
  readonly sources: readonly Source[];
  readonly outer: Scope | undefined;
  readonly ctes: ReadonlyMap<string, Answered>;
  /** The names that ORDER BY and GROUP BY may use. */
  readonly outputs: ReadonlyMap<string, Size>;
}

export const SPAN_ANSWER: Answered = {
  columns: [...SPAN_COLUMNS].map(([name, bytes]) => ({
    name,
    bytes,
    ms: 0,
    isText: bytes > SMALL_BYTES && !STRUCTURED_COLUMNS.has(name),
  })),
  rowBytes: SPAN_BYTES,
  rowMs: 0,
};

/** @param renamed names that the alias gives to the columns, in their order */
export function sourceOf(row: number, name: string, answer: Answered, renamed: readonly string[]): Source {
  const { columns, rowBytes, rowMs } = answer;
  const any: Column = { name: '', bytes: rowBytes, ms: rowMs, isText: false };
  return {
    row,
    name,
    rowBytes,
    rowMs,
    columns: new Map(
      columns === undefined
        ? renamed.map((column) => [column, any])
        : columns.map((column, index) => [renamed[index] ?? column.name, column]),
    ),
    others: columns === undefined ? any : undefined,
  };
}

/** A column where it is used: its size and what it costs to make. Undefined when no source has it. */
export function columnIn(
  scope: Scope,
  names: readonly string[],
): { size: Size; ms: number; isText: boolean } | undefined {
  const [column = '', qualifier] = [...names].reverse();
  for (let at: Scope | undefined = scope; at !== undefined; at = at.outer) {
    const found = at.sources
      .filter(({ name }) => qualifier === undefined || name === qualifier)
      .flatMap((source) => {
        const known = source.columns.get(column) ?? source.others;
        return known === undefined ? [] : [{ source, known }];
      });
    if (found.length === 0) continue;
    return {
      size: largest(found.map(({ source, known }) => placeOf(source, column, known))),
      ms: Math.max(...found.map(({ known }) => known.ms)),
      isText: found.every(({ known }) => known.isText),
    };
  }
  return undefined;
}

export function placeOf({ row }: Source, name: string, { bytes }: Column): Size {
  return bytes <= 32 * SMALL_BYTES ? sizeOf(bytes) : partOf(row, 0, name);
}

/** Whether a name alone means a whole row. */
export function isSource(scope: Scope, name: string): boolean {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.outer)
    if (at.sources.some((source) => source.name === name)) return true;
  return false;
}

/** What a query answers, under the names that its alias gives. */
export function rename(answer: Answered, names: readonly string[]): Answered {
  if (names.length === 0 || answer.columns === undefined) {
    if (names.length === 0) return answer;
    const { rowBytes: bytes, rowMs: ms } = answer;
    return { ...answer, columns: names.map((name) => ({ name, bytes, ms, isText: false })) };
  }
  return {
    ...answer,
    columns: answer.columns.map((column, index) => ({ ...column, name: names[index] ?? column.name })),
  };
}

/** Tells how large values may be, and charges what making them costs. */
export interface Sizing {
  sizeOf(value: unknown, scope: Scope): Size;
  all(list: unknown, scope: Scope): Size[];
  /** ORDER BY, wherever it stands. */
  sorts(list: unknown, scope: Scope): void;
  window(fields: Fields, scope: Scope): void;
}
