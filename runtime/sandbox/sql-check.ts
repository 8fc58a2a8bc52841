import { refuseSql } from './errors';
import { MAX_ROW_MS, SEND_PRICE, SMALL_BYTES, SORT_PRICE } from './sql-allowed';
import type { BoundSizes } from './sql-constants';
import { SqlExpressions } from './sql-expressions';
import { SqlMeter } from './sql-meter';
import { showSpansOnly } from './sql-rewrite';
import {
  type Answered,
  type Column,
  columnIn,
  columnSize,
  rename,
  type Scope,
  type Source,
  SPAN_ANSWER,
  sourceOf,
} from './sql-scope';
import { type Size, sizeOf, together } from './sql-size';
import { isStructured, isText } from './sql-text';
import { type Fields, fieldsOf, isFields, listOf, namesOf, only, starOf, unwrap } from './sql-tree';

const MIB = 1024 * 1024;
/** Largest row of any query of a statement. */
const MAX_ROW_BYTES = 4 * MIB;
/** Most entries of all FROM lists together, since the planner tries every order of joining them. */
const MAX_SOURCES = 8;

const SELECT_MEMBERS =
  `distinctClause targetList fromClause whereClause groupClause havingClause windowClause valuesLists
  sortClause limitOffset limitCount limitOption withClause op all larg rarg`.split(/\s+/);
const CTE_MEMBERS = ['ctename', 'aliascolnames', 'ctematerialized', 'ctequery'];
const JOIN_MEMBERS = ['jointype', 'isNatural', 'larg', 'rarg', 'usingClause', 'quals', 'alias', 'rtindex'];

/**
 * Adds up the worst-case cost of evaluating one row of a statement, and refuses statements that could keep a back end
 * busy. Also rewrites the tree: the table becomes its span columns, and numeric gets a precision (sql-rewrite.ts).
 *
 * Every node type and member is listed where it is read; anything else is refused.
 */
export class CostCheck {
  readonly #meter = new SqlMeter();
  readonly #expressions: SqlExpressions;

  constructor(bound: BoundSizes) {
    this.#expressions = new SqlExpressions(this.#meter, bound, (fields, outer, ctes) =>
      this.#select(fields, outer, ctes),
    );
  }

  /** Checks and rewrites a statement. @throws SqlRefusedError */
  checkStatement(fields: Fields): void {
    const { value: answer, ms } = this.#meter.costOf(() => this.#select(fields, undefined, new Map()));
    const total = ms + (answer.rowBytes / MIB) * sendPrice(fields);
    if (total <= MAX_ROW_MS) return;
    refuseSql(
      `what it does for one row can take ${Math.ceil(total)} ms when the texts and JSON in it are as long as a span ` +
        `may be (the most is ${MAX_ROW_MS} ms); do less in one statement, or cut long texts first: left(this, 10000)`,
    );
  }

  #select(fields: Fields, outer: Scope | undefined, given: ReadonlyMap<string, Answered>): Answered {
    return this.#expressions.nested(() => {
      only('SelectStmt', fields, SELECT_MEMBERS);
      if (fields.limitOption === 'LIMIT_OPTION_WITH_TIES') refuseSql('WITH TIES is not allowed');
      const ctes = this.#ctes(fields.withClause, outer, given);
      const answer =
        fields.op === 'SETOP_NONE'
          ? Array.isArray(fields.valuesLists)
            ? this.#values(fields.valuesLists, outer, ctes)
            : this.#plain(fields, outer, ctes)
          : this.#union(fields, outer, ctes);
      if (answer.rowBytes > MAX_ROW_BYTES) {
        refuseSql(
          `one of its rows can hold ${Math.ceil(answer.rowBytes / MIB)} MiB (the most is ${MAX_ROW_BYTES / MIB}); ` +
            'ask for each long column once',
        );
      }
      return answer;
    });
  }

  #ctes(
    clause: unknown,
    outer: Scope | undefined,
    given: ReadonlyMap<string, Answered>,
  ): ReadonlyMap<string, Answered> {
    if (!isFields(clause)) return given;
    only('WithClause', clause, ['ctes', 'recursive']);
    const known = new Map(given);
    for (const item of listOf(clause.ctes)) {
      const cte = unwrap(item)?.fields ?? refuseSql('WITH cannot be read');
      only('CommonTableExpr', cte, CTE_MEMBERS);
      const query = unwrap(cte.ctequery)?.fields ?? refuseSql('WITH cannot be read');
      const name = String(cte.ctename ?? '');
      const renamed = namesOf(cte.aliascolnames);
      const isRecursive = clause.recursive === true && query.op === 'SETOP_UNION';
      const answer = isRecursive
        ? this.#recursive(name, query, renamed, outer, known)
        : this.#select(query, outer, known);
      known.set(name, rename(answer, renamed));
    }
    return known;
  }

  /** Rows of the recursive part must not be larger than those of the first part. */
  #recursive(
    name: string,
    query: Fields,
    renamed: readonly string[],
    outer: Scope | undefined,
    given: ReadonlyMap<string, Answered>,
  ): Answered {
    only('SelectStmt', query, SELECT_MEMBERS);
    if (query.withClause !== undefined) refuseSql('WITH within a recursive WITH is not allowed');
    const first = rename(this.#select(fieldsOf(query.larg), outer, given), renamed);
    const next = this.#select(fieldsOf(query.rarg), outer, new Map([...given, [name, first]]));
    const grows =
      next.rowBytes > Math.max(first.rowBytes, SMALL_BYTES) ||
      (next.columns ?? []).some(({ bytes }, index) => {
        const before = first.columns?.[index]?.bytes ?? 0;
        return bytes > Math.max(before, SMALL_BYTES);
      });
    if (grows)
      refuseSql(`${name} grows with each turn of WITH RECURSIVE; keep its columns as large as they begin`);
    return { ...first, rowMs: Math.max(first.rowMs, next.rowMs) };
  }

  #union(fields: Fields, outer: Scope | undefined, ctes: ReadonlyMap<string, Answered>): Answered {
    const left = this.#select(fieldsOf(fields.larg), outer, ctes);
    const right = this.#select(fieldsOf(fields.rarg), outer, ctes);
    const rowBytes = Math.max(left.rowBytes, right.rowBytes);
    // Without ALL, whole rows are compared to remove duplicates.
    this.#meter.charge(SORT_PRICE, sizeOf(fields.all === true ? 0 : rowBytes));
    const columns = left.columns?.map((column, index) => {
      const other = right.columns?.[index];
      return {
        name: column.name,
        bytes: Math.max(column.bytes, other?.bytes ?? right.rowBytes),
        ms: Math.max(column.ms, other?.ms ?? right.rowMs),
        isText: column.isText && other?.isText === true,
      };
    });
    const answer = { columns, rowBytes, rowMs: left.rowMs + right.rowMs };
    const outputs = new Map((columns ?? []).map(({ name, bytes }) => [name, sizeOf(bytes)]));
    this.#ends(fields, { sources: [], outer, ctes, outputs });
    return answer;
  }

  #values(
    lists: readonly unknown[],
    outer: Scope | undefined,
    ctes: ReadonlyMap<string, Answered>,
  ): Answered {
    const scope: Scope = { sources: [], outer, ctes, outputs: new Map() };
    let columns: Column[] = [];
    for (const list of lists) {
      const items = listOf(unwrap(list)?.fields.items);
      const row = items.map((item) => this.#meter.bytes(this.#expressions.sizeOf(item, scope)));
      columns = row.map((bytes, index) => ({
        name: `column${index + 1}`,
        bytes: Math.max(bytes, columns[index]?.bytes ?? 0),
        ms: 0,
        isText: false,
      }));
    }
    return { columns, rowBytes: sum(columns.map(({ bytes }) => bytes)), rowMs: 0 };
  }

  #plain(fields: Fields, outer: Scope | undefined, ctes: ReadonlyMap<string, Answered>): Answered {
    const sources: Source[] = [];
    const scope: Scope = { sources, outer, ctes, outputs: new Map() };
    // LATERAL queries and functions may refer to earlier entries.
    for (const item of listOf(fields.fromClause)) this.#from(item, scope, sources);
    const outputs = new Map<string, Size>();
    const answer = this.#targets(fields.targetList, scope, outputs);
    const inner: Scope = { ...scope, outputs };
    if (fields.whereClause !== undefined) this.#expressions.sizeOf(fields.whereClause, scope);
    if (fields.havingClause !== undefined) this.#expressions.sizeOf(fields.havingClause, scope);
    for (const item of listOf(fields.groupClause))
      this.#meter.charge(SORT_PRICE, this.#expressions.sizeOf(item, inner));
    for (const item of listOf(fields.distinctClause)) {
      const distinct = isFields(item) && Object.keys(item).length === 0;
      this.#meter.charge(
        SORT_PRICE,
        distinct ? sizeOf(answer.rowBytes) : this.#expressions.sizeOf(item, inner),
      );
    }
    for (const item of listOf(fields.windowClause))
      this.#expressions.window(fieldsOf(unwrap(item)?.fields), scope);
    this.#ends(fields, inner);
    return answer;
  }

  /** ORDER BY, LIMIT and OFFSET. */
  #ends(fields: Fields, scope: Scope): void {
    this.#expressions.sorts(fields.sortClause, scope);
    for (const limit of [fields.limitCount, fields.limitOffset])
      if (limit !== undefined) this.#expressions.sizeOf(limit, scope);
  }

  #targets(list: unknown, scope: Scope, outputs: Map<string, Size>): Answered {
    const columns: Column[] = [];
    const sizes: Size[] = [];
    let rowMs = 0;
    let hasUnknown = false;
    for (const item of listOf(list)) {
      const target = unwrap(item)?.fields ?? refuseSql('the select list cannot be read');
      only('ResTarget', target, ['name', 'val']);
      const star = starOf(target.val);
      if (star !== undefined) {
        for (const source of scope.sources.filter(({ name }) => star === '' || star === name)) {
          this.#meter.addMs(source.rowMs);
          rowMs += source.rowMs;
          hasUnknown ||= source.others !== undefined;
          if (source.others !== undefined) sizes.push(sizeOf(source.rowBytes));
          for (const [name, column] of source.columns) {
            columns.push({ ...column, name });
            sizes.push(columnSize(source, name, column));
          }
        }
        continue;
      }
      const { value: size, ms } = this.#meter.costOf(() => this.#expressions.sizeOf(target.val, scope));
      const name = typeof target.name === 'string' ? target.name : impliedName(target.val);
      if (name === '') hasUnknown = true;
      columns.push({ name, bytes: this.#meter.bytes(size), ms, isText: isText(target.val, scope) });
      outputs.set(name, size);
      sizes.push(size);
      rowMs += ms;
    }
    const all = together(sizes);
    return { columns: hasUnknown ? undefined : columns, rowBytes: this.#meter.bytes(all), rowMs };
  }

  #from(item: unknown, scope: Scope, sources: Source[]): void {
    const { type, fields } = unwrap(item) ?? refuseSql('FROM cannot be read');
    if (type === 'JoinExpr') {
      only(type, fields, JOIN_MEMBERS);
      this.#from(fields.larg, scope, sources);
      this.#from(fields.rarg, scope, sources);
      if (fields.quals !== undefined) this.#expressions.sizeOf(fields.quals, scope);
      // NATURAL: assume that all columns are compared.
      if (fields.isNatural === true)
        this.#meter.charge(SORT_PRICE, sizeOf(sum(sources.map(({ rowBytes }) => rowBytes))));
      for (const name of namesOf(fields.usingClause)) {
        const column = columnIn({ ...scope, outer: undefined }, [name]);
        if (column !== undefined) this.#meter.charge(2 * SORT_PRICE, column.size);
      }
      if (fields.alias !== undefined) refuseSql('an alias of a join is not allowed; name its parts');
      return;
    }
    if (this.#meter.rowBytes.length >= MAX_SOURCES)
      refuseSql(`it names more than ${MAX_SOURCES} relations; the planner tries all their orders`);
    const row = this.#meter.rowBytes.push(0) - 1;
    const alias = isFields(fields.alias) ? fields.alias : {};
    only('Alias', alias, ['aliasname', 'colnames']);
    const renamed = namesOf(alias.colnames);
    const given = typeof alias.aliasname === 'string' ? alias.aliasname : '';
    const source = sourceOf(
      row,
      given || sourceName(type, fields),
      this.#answer(item, type, fields, scope),
      renamed,
    );
    this.#meter.rowBytes[row] = source.rowBytes;
    sources.push(source);
  }

  #answer(item: unknown, type: string, fields: Fields, scope: Scope): Answered {
    if (type === 'RangeVar') {
      only(type, fields, ['schemaname', 'relname', 'inh', 'relpersistence', 'alias']);
      if (fields.schemaname === undefined) {
        const name = String(fields.relname ?? '');
        return scope.ctes.get(name) ?? refuseSql(`${name} is used before WITH defines it; define it first`);
      }
      if (fields.relname === 'universal_registry') showSpansOnly(item);
      return SPAN_ANSWER;
    }
    if (type === 'RangeSubselect') {
      only(type, fields, ['lateral', 'subquery', 'alias']);
      // Without LATERAL this scope allows too much, but then PostgreSQL refuses the reference.
      return this.#select(fieldsOf(unwrap(fields.subquery)?.fields), scope, scope.ctes);
    }
    if (type !== 'RangeFunction') return refuseSql(`${type} is not allowed in FROM`);
    only(type, fields, ['lateral', 'ordinality', 'is_rowsfrom', 'functions', 'alias']);
    const sizes = listOf(fields.functions).map((one) => {
      const [call] = listOf(unwrap(one)?.fields.items);
      if (unwrap(call)?.type !== 'FuncCall') refuseSql('FROM takes functions, tables and queries');
      return this.#expressions.sizeOf(call, scope);
    });
    return {
      columns: undefined,
      rowBytes: this.#meter.bytes(together([...sizes, sizeOf(SMALL_BYTES)])),
      rowMs: 0,
    };
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

/** The name that PostgreSQL gives a column without an alias; '' when unknown. */
function impliedName(value: unknown): string {
  const node = unwrap(value);
  if (node?.type === 'ColumnRef') return namesOf(node.fields.fields).at(-1) ?? '';
  if (node?.type === 'FuncCall') return namesOf(node.fields.funcname).at(-1) ?? '';
  if (node?.type === 'TypeCast') return impliedName(node.fields.arg);
  if (node?.type === 'CoalesceExpr') return 'coalesce';
  return node?.type === 'CaseExpr' ? 'case' : '?column?';
}

function sendPrice({ op, targetList }: Fields): number {
  const isPlain =
    op === 'SETOP_NONE' && listOf(targetList).every((item) => !isStructured(unwrap(item)?.fields.val));
  return isPlain ? SEND_PRICE.plain : SEND_PRICE.structured;
}

function sourceName(type: string, fields: Fields): string {
  if (type === 'RangeVar') return String(fields.relname ?? '');
  if (type !== 'RangeFunction') return '';
  const [call] = listOf(unwrap(listOf(fields.functions)[0])?.fields.items);
  return namesOf(unwrap(call)?.fields.funcname).at(-1) ?? '';
}
