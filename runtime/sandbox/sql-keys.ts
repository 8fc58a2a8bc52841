import { refuseSql } from './errors';
import type { SqlMeter } from './sql-meter';
import { columnIn, type Output, type Scope, type Sizing } from './sql-scope';
import { type Size, together } from './sql-size';
import { isStored } from './sql-text';
import { type Fields, integerOf, isFields, listOf, namesOf, only, unwrap } from './sql-tree';

// PostgreSQL 17 does not count the bytes of values when it sorts rows of one column, so `work_mem` does not bound them. Where
// rows could have long values, a second column is added that changes nothing: the number of NULLs of the first, which
// follows from it.

/** Longer values are not sorted on their own. */
export const WIDE_BYTES = 1024;

/** What rows are sorted by. */
interface Key {
  readonly size: Size;
  readonly ms: number;
  readonly isStored: boolean;
  /** Its expression; undefined when it has none of its own. */
  readonly value: unknown;
}

/** Charges the keys of GROUP BY, ORDER BY, DISTINCT and windows, and makes two of a single long one. */
export class SqlKeys {
  readonly #sizing: Sizing;
  readonly #meter: SqlMeter;

  constructor(sizing: Sizing, meter: SqlMeter) {
    this.#sizing = sizing;
    this.#meter = meter;
  }

  group(list: unknown, scope: Scope): void {
    const items = listOf(list);
    if (items.length === 0) return;
    this.#meter.keepRows();
    this.#widen(
      list,
      items.map((item) => this.#keyOf(item, scope, 'input')),
      (key) => key,
    );
  }

  /** @param isGrouped the rows are groups, whose keys are computed already */
  order(list: unknown, scope: Scope, isGrouped = false): void {
    const items = listOf(list);
    if (items.length === 0) return;
    this.#meter.keepRows();
    this.#widen(
      list,
      items.map((item) => {
        const key = this.#keyOf(nodeOf(item), scope, 'output');
        return isGrouped ? { ...key, ms: 0 } : key;
      }),
      sortBy,
    );
  }

  /** ORDER BY of an aggregate. */
  orderInside(list: unknown, scope: Scope): void {
    const items = listOf(list);
    if (items.length === 0) return;
    this.#meter.keepRows();
    this.keepAll(items.map((item) => this.#keyOf(nodeOf(item), { ...scope, outputs: [] }, 'input')));
  }

  /** @param isOrdered whether an ORDER BY follows, which has to begin with the keys of DISTINCT ON */
  distinct(list: unknown, scope: Scope, isOrdered: boolean): void {
    const items = listOf(list);
    if (items.length === 0) return;
    this.#meter.keepRows();
    const isPlain = isFields(items[0]) && Object.keys(items[0]).length === 0;
    if (!isPlain) {
      const keys = items.map((item) => this.#keyOf(item, scope, 'output'));
      if (!isOrdered) this.#widen(list, keys, (key) => key);
      return;
    }
    this.#meter.compare(together(scope.outputs.map(({ size }) => size)));
    const [single] = scope.outputs;
    if (scope.outputs.length !== 1 || single === undefined || !this.#isWide(single)) return;
    if (single.value === undefined) this.keepAll([single]);
    else (list as unknown[]).splice(0, 1, structuredClone(single.value), this.#nullsOf(single));
  }

  window(fields: Fields, scope: Scope): void {
    const parts = listOf(fields.partitionClause).map((item) => this.#keyOf(item, scope, 'input'));
    const orders = listOf(fields.orderClause).map((item) => this.#keyOf(nodeOf(item), scope, 'input'));
    if (parts.length + orders.length !== 1) return;
    if (parts.length === 1) this.#widen(fields.partitionClause, parts, (key) => key);
    // RANGE with an offset takes one key.
    else if (fields.startOffset === undefined && fields.endOffset === undefined)
      this.#widen(fields.orderClause, orders, sortBy);
    else this.keepAll(orders);
  }

  /** Bounds long values that are sorted on their own. @throws SqlRefusedError */
  keepAll(keys: readonly Pick<Key, 'size' | 'isStored'>[]): void {
    for (const { size, isStored: stored } of keys)
      if (!stored) this.#meter.keepValues(this.#meter.bytes(size));
  }

  #widen(list: unknown, keys: readonly Key[], make: (key: unknown) => unknown): void {
    const [single] = keys;
    if (keys.length !== 1 || single === undefined || !this.#isWide(single)) return;
    if (single.value === undefined) this.keepAll([single]);
    else (list as unknown[]).push(make(this.#nullsOf(single)));
  }

  #nullsOf(key: Key): unknown {
    this.#meter.addMs(key.ms);
    const args = [structuredClone(key.value)];
    return {
      FuncCall: { funcname: [{ String: { sval: 'num_nulls' } }], args, funcformat: 'COERCE_EXPLICIT_CALL' },
    };
  }

  #isWide({ size, isStored: stored }: Pick<Key, 'size' | 'isStored'>): boolean {
    return !stored && this.#meter.bytes(size) > WIDE_BYTES;
  }

  /** @param first what a name means first: a column of the input or of the output */
  #keyOf(value: unknown, scope: Scope, first: 'input' | 'output'): Key {
    const key = outputOf(value, scope, first) ?? this.#expression(value, scope);
    this.#meter.compare(key.size);
    return key;
  }

  #expression(value: unknown, scope: Scope): Key {
    const { value: size, ms } = this.#meter.costOf(() => this.#sizing.sizeOf(value, scope));
    return { size, ms, isStored: isStored(value, scope), value };
  }
}

/** The output that a number or name refers to. */
function outputOf(value: unknown, scope: Scope, first: 'input' | 'output'): Output | undefined {
  const position = integerOf(value);
  if (position !== undefined) return scope.outputs[position - 1];
  const node = unwrap(value);
  const names = node?.type === 'ColumnRef' ? namesOf(node.fields.fields) : [];
  if (names.length !== 1) return undefined;
  const output = scope.outputs.find(({ name }) => name === names[0]);
  return first === 'input' && columnIn({ ...scope, outer: undefined }, names) !== undefined
    ? undefined
    : output;
}

function nodeOf(item: unknown): unknown {
  const sort = unwrap(item)?.fields ?? refuseSql('ORDER BY cannot be read');
  only('SortBy', sort, ['node', 'sortby_dir', 'sortby_nulls']);
  return sort.node;
}

const sortBy = (node: unknown) => ({
  SortBy: { node, sortby_dir: 'SORTBY_DEFAULT', sortby_nulls: 'SORTBY_NULLS_DEFAULT' },
});

/** Whether a value is a column of a subquery that can be long. */
export function isWideColumn(value: unknown, scope: Scope, meter: SqlMeter): boolean {
  const node = unwrap(value);
  if (node?.type !== 'ColumnRef') return false;
  const found = columnIn(scope, namesOf(node.fields.fields).slice(-2));
  return found !== undefined && !found.isStored && meter.bytes(found.size) > WIDE_BYTES;
}

/**
 * Makes an expression of each column that is compared by `=` and can be long, so that a merge join sorts column and
 * expression.
 */
export function compareAsExpression(side: unknown, scope: Scope, meter: SqlMeter): void {
  const node = unwrap(side);
  if (node?.type === 'RowExpr')
    for (const item of listOf(node.fields.args)) compareAsExpression(item, scope, meter);
  if (!isWideColumn(side, scope, meter)) return;
  const holder = side as Record<string, unknown>;
  const column = { ColumnRef: holder.ColumnRef };
  delete holder.ColumnRef;
  holder.MinMaxExpr = { op: 'IS_GREATEST', args: [column] };
}
