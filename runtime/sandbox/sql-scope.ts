import { SMALL_BYTES, SPAN_BYTES, SPAN_COLUMNS, STRUCTURED_COLUMNS } from './sql-allowed';
import { largest, partOf, type Size, sizeOf } from './sql-size';
import type { Fields } from './sql-tree';

/** A result column of a query: its largest size, and the cost of each further evaluation. */
export interface Column {
  readonly name: string;
  readonly bytes: number;
  readonly ms: number;
  /** Whether it is known to be of type text, so that reading it serialises nothing. */
  readonly isText: boolean;
}

/** The result of a query. */
export interface Answered {
  /** Undefined when the names are not known. */
  readonly columns: readonly Column[] | undefined;
  readonly rowBytes: number;
  readonly rowMs: number;
}

/** One entry of a FROM list. */
export interface Source {
  /** Its number within the statement; see SqlMeter.rowBytes. */
  readonly row: number;
  readonly name: string;
  readonly columns: ReadonlyMap<string, Column>;
  /** Stands for columns of any other name; undefined when all are known. */
  readonly others: Column | undefined;
  readonly rowBytes: number;
  readonly rowMs: number;
}

/** The names that are visible in a part of a statement. */
export interface Scope {
  readonly sources: readonly Source[];
  readonly outer: Scope | undefined;
  readonly ctes: ReadonlyMap<string, Answered>;
  /** The names that ORDER BY and GROUP BY may use. */
  readonly outputs: ReadonlyMap<string, Size>;
}

/** The columns of the ledger's relations. */
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

/** A FROM entry for a query's result. @param renamed names that the alias gives to the columns, in their order */
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

/** Looks a column up: its size, and the cost of evaluating it. Undefined when no source has it. */
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
      size: largest(found.map(({ source, known }) => columnSize(source, column, known))),
      ms: Math.max(...found.map(({ known }) => known.ms)),
      isText: found.every(({ known }) => known.isText),
    };
  }
  return undefined;
}

/** The size of a column of a source: its bytes if small, else a part of the source's row. */
export function columnSize({ row }: Source, name: string, { bytes }: Column): Size {
  return bytes <= 32 * SMALL_BYTES ? sizeOf(bytes) : partOf(row, 0, name);
}

/** Whether a name on its own refers to a whole row. */
export function isSource(scope: Scope, name: string): boolean {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.outer)
    if (at.sources.some((source) => source.name === name)) return true;
  return false;
}

/** A query's result with the column names that its alias gives. */
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

/** Computes sizes of values and charges the cost of evaluating them. */
export interface Sizing {
  sizeOf(value: unknown, scope: Scope): Size;
  all(list: unknown, scope: Scope): Size[];
  /** Charges an ORDER BY. */
  sorts(list: unknown, scope: Scope): void;
  window(fields: Fields, scope: Scope): void;
}
