import { refuseSql } from './errors';
import { MAX_ROW_MS, SEND_PRICE, SMALL_BYTES, SORT_PRICE } from './sql-allowed';
import type { BoundSizes } from './sql-constants';
import { SqlExpressions } from './sql-expressions';
import type { SqlKeys } from './sql-keys';
import { SqlMeter } from './sql-meter';
import { FUNCTION_COLUMNS, impliedName } from './sql-names';
import { dropSchema, nameTarget, showSpansOnly } from './sql-rewrite';
import {
  type Answered,
  type Column,
  columnIn,
  columnOf,
  columnSize,
  type Output,
  rename,
  type Scope,
  type Source,
  SPAN_ANSWER,
  sourceOf,
} from './sql-scope';
import { type Size, sizeOf, together } from './sql-size';
import { joinedSubqueries } from './sql-subqueries';
import { isStructured, kindOf } from './sql-text';
import { type Fields, fieldsOf, isFields, listOf, namesOf, only, starOf, unwrap } from './sql-tree';

const MIB = 1024 * 1024;
/** Largest row of any query of a statement. */
const MAX_ROW_BYTES = 4 * MIB;
/** Most entries of all FROM lists together, since the planner tries every order of joining them. */
const MAX_SOURCES = 8;
/** PostgreSQL's limit for a select list. */
const MAX_COLUMNS = 1_664;

const SELECT_MEMBERS =
  `distinctClause targetList fromClause whereClause groupClause havingClause windowClause valuesLists
  sortClause limitOffset limitCount limitOption withClause op all larg rarg`.split(/\s+/);
const RECURSIVE_MEMBERS = ['op', 'all', 'larg', 'rarg', 'limitOption'];
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
  readonly #keys: SqlKeys;

  constructor(bound: BoundSizes) {
    this.#expressions = new SqlExpressions(this.#meter, bound, (fields, outer, ctes) =>
      this.#select(fields, outer, ctes),
    );
    this.#keys = this.#expressions.keys;
  }

  /** Whether the session may keep memory for the statement afterwards; see sql-times.ts. */
  get leavesTraces(): boolean {
    return this.#meter.leavesTraces;
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
            ? this.#values(fields, outer, ctes)
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
      const isRecursive = clause.recursive === true && query.op === 'SETOP_UNION' && names(query.rarg, name);
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
    if (query.withClause !== undefined) refuseSql('WITH within a recursive WITH is not allowed');
    only('SelectStmt', query, RECURSIVE_MEMBERS);
    const first = rename(this.#select(fieldsOf(query.larg), outer, given), renamed);
    const next = this.#select(fieldsOf(query.rarg), outer, new Map([...given, [name, first]]));
    if (query.all !== true)
      refuseSql(
        `UNION in WITH RECURSIVE keeps every row of ${name} in memory; use UNION ALL and count the depth`,
      );
    const grows =
      next.rowBytes > Math.max(first.rowBytes, SMALL_BYTES) ||
      next.columns.some(
        ({ bytes }, index) => bytes > Math.max(first.columns[index]?.bytes ?? 0, SMALL_BYTES),
      );
    if (grows) {
      refuseSql(
        `${name} grows with each turn of WITH RECURSIVE; keep its columns as large as they begin, ` +
          'and cast what is computed: (a + b)::numeric',
      );
    }
    return { ...first, rowMs: Math.max(first.rowMs, next.rowMs) };
  }

  #union(fields: Fields, outer: Scope | undefined, ctes: ReadonlyMap<string, Answered>): Answered {
    const left = this.#select(fieldsOf(fields.larg), outer, ctes);
    const right = this.#select(fieldsOf(fields.rarg), outer, ctes);
    const rowBytes = Math.max(left.rowBytes, right.rowBytes);
    // Without ALL, and for INTERSECT and EXCEPT, whole rows are sorted and compared.
    const sorts = fields.all !== true || fields.op !== 'SETOP_UNION';
    if (sorts) {
      this.#meter.keepRows();
      this.#meter.charge(SORT_PRICE, sizeOf(rowBytes));
    }
    const columns = left.columns.map((column, index) => {
      const other = right.columns[index] ?? columnOf('', right.rowBytes, right.rowMs);
      return {
        name: column.name,
        bytes: Math.max(column.bytes, other.bytes),
        ms: Math.max(column.ms, other.ms),
        isText: column.isText && other.isText,
        isWhole: column.isWhole && other.isWhole,
        isArray: column.isArray && other.isArray,
        isTime: column.isTime && other.isTime,
        isStored: column.isStored && other.isStored,
      };
    });
    const [only] = columns;
    if (sorts && columns.length === 1 && only?.isStored === false) this.#meter.keepValues(only.bytes);
    const answer = { columns, rowBytes, rowMs: left.rowMs + right.rowMs };
    this.#ends(fields, outputScope(answer, outer, ctes));
    return answer;
  }

  #values(fields: Fields, outer: Scope | undefined, ctes: ReadonlyMap<string, Answered>): Answered {
    const scope: Scope = { sources: [], outer, ctes, outputs: [] };
    let columns: Column[] = [];
    for (const list of listOf(fields.valuesLists)) {
      const items = listOf(unwrap(list)?.fields.items);
      columns = items.map((item, index) => {
        const { value, ms } = this.#meter.costOf(() => this.#expressions.sizeOf(item, scope));
        const before = columns[index] ?? columnOf('', 0, 0);
        return columnOf(
          `column${index + 1}`,
          Math.max(this.#meter.bytes(value), before.bytes),
          Math.max(ms, before.ms),
        );
      });
    }
    const rowBytes = sum(columns.map(({ bytes }) => bytes));
    const answer = { columns, rowBytes, rowMs: sum(columns.map(({ ms }) => ms)) };
    this.#ends(fields, outputScope(answer, outer, ctes));
    return answer;
  }

  #plain(fields: Fields, outer: Scope | undefined, ctes: ReadonlyMap<string, Answered>): Answered {
    const sources: Source[] = [];
    const scope: Scope = { sources, outer, ctes, outputs: [] };
    // LATERAL queries and functions may refer to earlier entries.
    for (const item of listOf(fields.fromClause)) this.#from(item, scope, sources);
    const outputs: Output[] = [];
    const answer = this.#targets(fields.targetList, scope, outputs);
    const inner: Scope = { ...scope, outputs };
    if (fields.whereClause !== undefined) {
      for (const joined of joinedSubqueries(fields.whereClause, scope)) this.#expressions.isJoined(joined);
      this.#expressions.sizeOf(fields.whereClause, scope);
    }
    if (fields.havingClause !== undefined) this.#expressions.sizeOf(fields.havingClause, scope);
    this.#keys.group(fields.groupClause, inner);
    this.#keys.distinct(fields.distinctClause, inner, listOf(fields.sortClause).length > 0);
    for (const item of listOf(fields.windowClause))
      this.#expressions.window(fieldsOf(unwrap(item)?.fields), scope);
    this.#ends(fields, inner);
    return answer;
  }

  /** ORDER BY, LIMIT and OFFSET. */
  #ends(fields: Fields, scope: Scope): void {
    this.#keys.order(fields.sortClause, scope, listOf(fields.groupClause).length > 0);
    for (const limit of [fields.limitCount, fields.limitOffset])
      if (limit !== undefined) this.#expressions.sizeOf(limit, scope);
  }

  #targets(list: unknown, scope: Scope, outputs: Output[]): Answered {
    const columns: Column[] = [];
    let rowMs = 0;
    const add = (column: Column, size: Size, value?: unknown): void => {
      if (columns.length === MAX_COLUMNS) refuseSql(`a select list has more than ${MAX_COLUMNS} columns`);
      columns.push(column);
      outputs.push({ name: column.name, size, ms: column.ms, isStored: column.isStored, value });
      rowMs += column.ms;
    };
    for (const item of listOf(list)) {
      const target = unwrap(item)?.fields ?? refuseSql('the select list cannot be read');
      only('ResTarget', target, ['name', 'val']);
      const star = starOf(target.val);
      if (star === undefined) {
        const name = typeof target.name === 'string' ? target.name : impliedName(target.val);
        const { value: size, ms } = this.#meter.costOf(() => this.#expressions.sizeOf(target.val, scope));
        // A rewritten expression would have the name of its new function.
        if (impliedName(target.val) !== name) nameTarget(target, name);
        const column = { name, bytes: this.#meter.bytes(size), ms, ...kindOf(target.val, scope) };
        add(column, size, target.val);
        continue;
      }
      dropSchema(target.val);
      const sources = scope.sources.filter(({ name }) => star === '' || star === name);
      if (sources.length === 0)
        refuseSql(`${star === '' ? '*' : `${star}.*`} names no relation of this FROM`);
      for (const source of sources) {
        this.#meter.addMs(source.rowMs);
        for (const [index, column] of source.list.entries()) {
          // A second column of a name is another part of the row.
          const isFirst = source.list.findIndex(({ name }) => name === column.name) === index;
          add(column, columnSize(source, isFirst ? column.name : `${column.name}#${index}`, column));
        }
      }
    }
    return { columns, rowBytes: this.#meter.bytes(together(outputs.map(({ size }) => size))), rowMs };
  }

  #from(item: unknown, scope: Scope, sources: Source[]): void {
    const { type, fields } = unwrap(item) ?? refuseSql('FROM cannot be read');
    if (type === 'JoinExpr') {
      this.#join(fields, scope, sources);
      return;
    }
    if (this.#meter.rowBytes.length >= MAX_SOURCES)
      refuseSql(`it names more than ${MAX_SOURCES} relations; the planner tries all their orders`);
    const row = this.#meter.rowBytes.push(0) - 1;
    const alias = isFields(fields.alias) ? fields.alias : {};
    only('Alias', alias, ['aliasname', 'colnames']);
    const renamed = namesOf(alias.colnames);
    const given = typeof alias.aliasname === 'string' ? alias.aliasname : '';
    const name = given || sourceName(type, fields);
    const source = sourceOf(row, name, this.#answer(item, type, fields, { scope, name }), renamed);
    this.#meter.rowBytes[row] = source.rowBytes;
    sources.push(source);
  }

  #join(fields: Fields, scope: Scope, sources: Source[]): void {
    only('JoinExpr', fields, JOIN_MEMBERS);
    const first = sources.length;
    this.#from(fields.larg, scope, sources);
    this.#from(fields.rarg, scope, sources);
    // ON sees the two sides of its join, not what stands before it in FROM.
    const sides: Scope = { ...scope, sources: sources.slice(first) };
    if (fields.quals !== undefined) this.#expressions.sizeOf(fields.quals, sides);
    // NATURAL: assume that all columns are compared.
    if (fields.isNatural === true) {
      this.#meter.charge(SORT_PRICE, sizeOf(sum(sides.sources.map(({ rowBytes }) => rowBytes))));
      for (const column of sides.sources.flatMap(({ list }) => list))
        if (!column.isStored) this.#meter.keepValues(column.bytes);
    }
    for (const name of namesOf(fields.usingClause)) {
      const column = columnIn({ ...sides, outer: undefined }, [name]);
      if (column === undefined) continue;
      this.#meter.charge(2 * SORT_PRICE, column.size);
      if (!column.isStored) this.#meter.keepValues(2 * this.#meter.bytes(column.size));
    }
    if (fields.alias !== undefined) refuseSql('an alias of a join is not allowed; name its parts');
  }

  #answer(
    item: unknown,
    type: string,
    fields: Fields,
    { scope, name }: { readonly scope: Scope; readonly name: string },
  ): Answered {
    if (type === 'RangeVar') {
      only(type, fields, ['schemaname', 'relname', 'inh', 'relpersistence', 'alias']);
      if (fields.schemaname === undefined) {
        const cte = String(fields.relname ?? '');
        return scope.ctes.get(cte) ?? refuseSql(`${cte} is used before WITH defines it; define it first`);
      }
      if (fields.relname === 'universal_registry') showSpansOnly(item);
      return SPAN_ANSWER;
    }
    if (type === 'RangeSubselect') {
      only(type, fields, ['lateral', 'subquery', 'alias']);
      // Without LATERAL a name means what it means outside: another relation, perhaps.
      const outer = fields.lateral === true ? scope : scope.outer;
      return this.#select(fieldsOf(unwrap(fields.subquery)?.fields), outer, scope.ctes);
    }
    if (type !== 'RangeFunction') return refuseSql(`${type} is not allowed in FROM`);
    return this.#functions(fields, scope, name);
  }

  /** A function in FROM, or several side by side. */
  #functions(fields: Fields, scope: Scope, name: string): Answered {
    only('RangeFunction', fields, ['lateral', 'ordinality', 'is_rowsfrom', 'functions', 'alias']);
    const calls = listOf(fields.functions).map((one) => listOf(unwrap(one)?.fields.items)[0]);
    const columns: Column[] = [];
    for (const [index, call] of calls.entries()) {
      if (unwrap(call)?.type !== 'FuncCall') refuseSql('FROM takes functions, tables and queries');
      // Each keeps its rows.
      if (index > 0) this.#meter.keepRows();
      const bytes = this.#meter.bytes(together([this.#expressions.sizeOf(call, scope), sizeOf(SMALL_BYTES)]));
      const called = calledName(call);
      // Several arrays are unnested side by side: PostgreSQL makes ROWS FROM of them, a column each.
      const arrays = called === 'unnest' ? listOf(unwrap(call)?.fields.args).length : 1;
      for (let more = 1; more < arrays; more += 1) this.#meter.keepRows();
      const own = arrays > 1 ? Array.from({ length: arrays }, () => called) : undefined;
      const names = own ?? FUNCTION_COLUMNS.get(called) ?? [calls.length === 1 ? name : called];
      for (const column of names) columns.push(columnOf(column, bytes, 0));
    }
    const whole = columns.length === 1 ? columns[0] : undefined;
    if (fields.ordinality === true)
      columns.push({ ...columnOf('ordinality', SMALL_BYTES, 0), isWhole: true });
    const rowBytes = sum(columns.map(({ bytes }) => bytes));
    return { columns, rowBytes, rowMs: 0, ...(whole && columns.length === 1 ? { whole } : {}) };
  }
}

/** The scope in which ORDER BY sees the columns of an answer only. */
function outputScope(
  { columns }: Answered,
  outer: Scope | undefined,
  ctes: ReadonlyMap<string, Answered>,
): Scope {
  return {
    sources: [],
    outer,
    ctes,
    outputs: columns.map(({ name, bytes, ms, isStored }) => ({
      name,
      size: sizeOf(bytes),
      ms,
      isStored,
      value: undefined,
    })),
  };
}

/** Whether a query reads from a WITH query of this name. */
function names(tree: unknown, name: string): boolean {
  if (Array.isArray(tree)) return tree.some((item) => names(item, name));
  if (!isFields(tree)) return false;
  const table = unwrap(tree);
  if (table?.type === 'RangeVar')
    return table.fields.schemaname === undefined && table.fields.relname === name;
  return Object.values(tree).some((member) => names(member, name));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function sendPrice({ op, targetList }: Fields): number {
  const isPlain =
    op === 'SETOP_NONE' && listOf(targetList).every((item) => !isStructured(unwrap(item)?.fields.val));
  return isPlain ? SEND_PRICE.plain : SEND_PRICE.structured;
}

function sourceName(type: string, fields: Fields): string {
  if (type === 'RangeVar') return String(fields.relname ?? '');
  if (type !== 'RangeFunction') return '';
  return calledName(listOf(unwrap(listOf(fields.functions)[0])?.fields.items)[0]);
}

/** The name of the function that is called. */
function calledName(call: unknown): string {
  return namesOf(unwrap(call)?.fields.funcname).at(-1) ?? '';
}
