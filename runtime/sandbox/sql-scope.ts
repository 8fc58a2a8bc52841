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
  /** Whether it is known to be an int, which no arithmetic makes longer. */
  readonly isWhole: boolean;
  /** Whether it is known to be an array. */
  readonly isArray: boolean;
  /** Whether it is known to be a date, time or interval. */
  readonly isTime: boolean;
  /** Whether it is a column of the table: PostgreSQL sorts at most 2 KB of it, and reads the rest when it compares. */
  readonly isStored: boolean;
}

/** A column that ORDER BY and GROUP BY may refer to, by number or name. */
export interface Output {
  readonly name: string;
  readonly size: Size;
  readonly ms: number;
  readonly isStored: boolean;
  /** Its expression; undefined for a column of a star or of a UNION. */
  readonly value: unknown;
}

/** A column of unknown type. */
export const columnOf = (name: string, bytes: number, ms: number): Column => ({
  name,
  bytes,
  ms,
  isText: false,
  isWhole: false,
  isArray: false,
  isTime: false,
  isStored: false,
});

/** The result of a query or function. */
export interface Answered {
  /** All of them, in order. A name of '' is unknown, so that no qualified name can mean it. */
  readonly columns: readonly Column[];
  readonly rowBytes: number;
  readonly rowMs: number;
  /** What the name of the relation itself means where no column has it: the value of a function. */
  readonly whole?: Column;
}

/** One entry of a FROM list. */
export interface Source {
  /** Its number within the statement; see SqlMeter.rowBytes. */
  readonly row: number;
  readonly name: string;
  /** All columns, in order. */
  readonly list: readonly Column[];
  /** The same, by their names. */
  readonly columns: ReadonlyMap<string, Column>;
  /** See Answered. */
  readonly whole: Column | undefined;
  readonly rowBytes: number;
  readonly rowMs: number;
}

/** The names that are visible in a part of a statement. */
export interface Scope {
  readonly sources: readonly Source[];
  readonly outer: Scope | undefined;
  readonly ctes: ReadonlyMap<string, Answered>;
  /** The columns that ORDER BY and GROUP BY may refer to, by name or by number from 1. */
  readonly outputs: readonly Output[];
}

/** The columns of the ledger's relations. */
export const SPAN_ANSWER: Answered = {
  columns: [...SPAN_COLUMNS].map(([name, bytes]) => ({
    name,
    bytes,
    ms: 0,
    isText: bytes > SMALL_BYTES && !STRUCTURED_COLUMNS.has(name),
    isWhole: name === 'seq' || name === 'duration_ms',
    isArray: name === 'related_to',
    isTime: name === 'at',
    isStored: true,
  })),
  rowBytes: SPAN_BYTES,
  rowMs: 0,
};

/** A FROM entry for a query's result. @param renamed names that the alias gives to the columns, in their order */
export function sourceOf(row: number, name: string, answer: Answered, renamed: readonly string[]): Source {
  const { columns, rowBytes, rowMs, whole } = rename(answer, renamed);
  const byName = new Map(columns.map((column) => [column.name, column]));
  return { row, name, list: columns, columns: byName, whole, rowBytes, rowMs };
}

/** What a name of a column means. */
interface FoundColumn {
  readonly size: Size;
  /** Cost of evaluating it. */
  readonly ms: number;
  readonly isText: boolean;
  readonly isWhole: boolean;
  readonly isArray: boolean;
  readonly isTime: boolean;
  readonly isStored: boolean;
}

/** Looks a column up as PostgreSQL does; undefined when no source has it. */
export function columnIn(scope: Scope, names: readonly string[]): FoundColumn | undefined {
  const [column = '', qualifier] = [...names].reverse();
  const inColumns = nearest(scope, qualifier, ({ columns }) => columns.get(column));
  if (inColumns !== undefined || qualifier !== undefined) return inColumns;
  return nearest(scope, column, ({ whole }) => whole);
}

function nearest(
  scope: Scope,
  qualifier: string | undefined,
  columnOfSource: (source: Source) => Column | undefined,
): FoundColumn | undefined {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.outer) {
    const sources = at.sources.filter(({ name }) => qualifier === undefined || name === qualifier);
    const found = sources.flatMap((source) => {
      const known = columnOfSource(source);
      return known === undefined ? [] : [{ size: columnSize(source, known.name, known), known }];
    });
    if (found.length > 0) {
      return {
        size: largest(found.map(({ size }) => size)),
        ms: Math.max(...found.map(({ known }) => known.ms)),
        isText: found.every(({ known }) => known.isText),
        isWhole: found.every(({ known }) => known.isWhole),
        isArray: found.every(({ known }) => known.isArray),
        isTime: found.every(({ known }) => known.isTime),
        isStored: found.every(({ known }) => known.isStored),
      };
    }
    // A qualifier means the nearest relation of that name, whether or not it has the column.
    if (qualifier !== undefined && sources.length > 0) return undefined;
  }
  return undefined;
}

/** Whether a visible source has a column whose name is not known. */
export function hasUnnamed(scope: Scope): boolean {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.outer)
    if (at.sources.some(({ columns }) => columns.has(''))) return true;
  return false;
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
  if (names.length === 0) return answer;
  return {
    ...answer,
    columns: answer.columns.map((column, index) => ({ ...column, name: names[index] ?? column.name })),
  };
}

/** Computes sizes of values and charges the cost of evaluating them. */
export interface Sizing {
  sizeOf(value: unknown, scope: Scope): Size;
  /** Charges a value that PostgreSQL evaluates `times` times for one row. */
  repeated(value: unknown, scope: Scope, times: number): Size;
  all(list: unknown, scope: Scope): Size[];
  window(fields: Fields, scope: Scope): void;
}
