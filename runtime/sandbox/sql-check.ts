import { refuseSql } from './errors';
import {
  ALLOWED_FUNCTIONS,
  ALLOWED_OPERATORS,
  ALLOWED_TYPES,
  ALLOWED_VALUE_WORDS,
  CONTAINED_PRICE,
  type FunctionRule,
  ILIKE_PRICE,
  JSON_TEXT_PRICE,
  LIKE_PRICE,
  MAX_NUMERIC_PRECISION,
  NEEDLE_PRICE,
  NUMERIC_DIGITS,
  NUMERIC_PRECISION,
  type OperatorRule,
  PLAIN_TEXT_PRICE,
  PRODUCT_PRICE,
  SEND_PRICE,
  SMALL_BYTES,
  SORT_PRICE,
  SPAN_BYTES,
  STRUCTURED_COLUMNS,
  TEXT_FUNCTIONS,
} from './sql-allowed';
import {
  type Answered,
  type Column,
  columnIn,
  isSource,
  placeOf,
  type Scope,
  type Source,
  SPAN_ANSWER,
  sourceOf,
} from './sql-scope';
import { bytesOf, largest, memberOf, NOTHING, type Size, sizeOf, times, together } from './sql-size';
import { builtInName, type Fields, integerOf, isFields, listOf, namesOf, textOf, unwrap } from './sql-tree';

const MIB = 1024 * 1024;
/** What is evaluated for one row may take this long with the worst content there can be, in milliseconds. */
export const MAX_ROW_MS = 100;
/** What one row of any query of a statement may hold. */
const MAX_ROW_BYTES = 4 * MIB;
/** Entries of all FROM lists together: the planner tries their orders. */
const MAX_SOURCES = 8;
const MAX_NESTING = 60;
/** Arguments of functions that count with steps, dates and formats. */
const MAX_SMALL_ARGUMENT_BYTES = 8 * SMALL_BYTES;
/** Longest number written out in a statement. */
const MAX_NUMBER_CHARACTERS = 60;

/** How large the values bound to `$1`, `$2`, … may be, in bytes, and how many values the JSON of each may hold. */
export type BoundSizes = readonly { readonly bytes: number; readonly values: number }[];

/**
 * Adds up what PostgreSQL may have to do for one row of a statement, in the worst case, and refuses a statement that
 * could hold a back end up. It also puts into the tree what the server is to be told instead: the table by its span
 * columns, and numeric with a precision.
 *
 * Every node type and every member of one is listed here; what is not is refused.
 */
export class CostCheck {
  readonly #bound: BoundSizes;
  readonly #rowBytes: number[] = [];
  #ms = 0;
  /** Sizes, each times its price. */
  #charged: Size = NOTHING;
  #depth = 0;

  constructor(bound: BoundSizes) {
    this.#bound = bound;
  }

  /** @throws SqlRefusedError */
  checkStatement(fields: Fields): void {
    const { value: answer, ms } = this.#costOf(() => this.#select(fields, undefined, new Map()));
    const total = ms + (answer.rowBytes / MIB) * sendPrice(fields);
    if (total <= MAX_ROW_MS) return;
    refuseSql(
      `what it does for one row can take ${Math.ceil(total)} ms when the texts and JSON in it are as long as a span ` +
        `may be (the most is ${MAX_ROW_MS} ms); do less in one statement, or cut long texts first: left(this, 10000)`,
    );
  }

  /** @param price milliseconds for each MiB */
  #charge(price: number, size: Size): void {
    this.#charged = together([this.#charged, times(size, price)]);
  }

  /** Runs `work` and tells what it charged, in milliseconds. */
  #costOf<T>(work: () => T): { value: T; ms: number } {
    const [charged, ms] = [this.#charged, this.#ms];
    this.#charged = NOTHING;
    this.#ms = 0;
    const value = work();
    const cost = this.#ms + bytesOf(this.#charged, this.#rowBytes) / MIB;
    this.#charged = together([charged, this.#charged]);
    this.#ms += ms;
    return { value, ms: cost };
  }

  #bytes(size: Size): number {
    return bytesOf(size, this.#rowBytes);
  }

  // ---- queries

  #select(fields: Fields, outer: Scope | undefined, given: ReadonlyMap<string, Answered>): Answered {
    return this.#nested(() => {
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

  /** What is added in each turn must not be larger than what it was made of. */
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
    // Rows are compared whole, to find those that are equal.
    this.#charge(SORT_PRICE, sizeOf(fields.all === true ? 0 : rowBytes));
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
      const row = items.map((item) => this.#bytes(this.#expression(item, scope)));
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
    // LATERAL and functions see what stands before them.
    for (const item of listOf(fields.fromClause)) this.#from(item, scope, sources);
    const outputs = new Map<string, Size>();
    const answer = this.#targets(fields.targetList, scope, outputs);
    const inner: Scope = { ...scope, outputs };
    if (fields.whereClause !== undefined) this.#expression(fields.whereClause, scope);
    if (fields.havingClause !== undefined) this.#expression(fields.havingClause, scope);
    for (const item of listOf(fields.groupClause)) this.#charge(SORT_PRICE, this.#expression(item, inner));
    for (const item of listOf(fields.distinctClause)) {
      const distinct = isFields(item) && Object.keys(item).length === 0;
      this.#charge(SORT_PRICE, distinct ? sizeOf(answer.rowBytes) : this.#expression(item, inner));
    }
    for (const item of listOf(fields.windowClause)) this.#window(fieldsOf(unwrap(item)?.fields), scope);
    this.#ends(fields, inner);
    return answer;
  }

  /** ORDER BY, LIMIT and OFFSET. */
  #ends(fields: Fields, scope: Scope): void {
    this.#sorts(fields.sortClause, scope);
    for (const limit of [fields.limitCount, fields.limitOffset])
      if (limit !== undefined) this.#expression(limit, scope);
  }

  #sorts(list: unknown, scope: Scope): void {
    for (const item of listOf(list)) {
      const sort = unwrap(item)?.fields ?? refuseSql('ORDER BY cannot be read');
      only('SortBy', sort, ['node', 'sortby_dir', 'sortby_nulls']);
      this.#charge(SORT_PRICE, this.#expression(sort.node, scope));
    }
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
          this.#ms += source.rowMs;
          rowMs += source.rowMs;
          hasUnknown ||= source.others !== undefined;
          if (source.others !== undefined) sizes.push(sizeOf(source.rowBytes));
          for (const [name, column] of source.columns) {
            columns.push({ ...column, name });
            sizes.push(placeOf(source, name, column));
          }
        }
        continue;
      }
      const { value: size, ms } = this.#costOf(() => this.#expression(target.val, scope));
      const name = typeof target.name === 'string' ? target.name : impliedName(target.val);
      if (name === '') hasUnknown = true;
      columns.push({ name, bytes: this.#bytes(size), ms, isText: this.#isText(target.val, scope) });
      outputs.set(name, size);
      sizes.push(size);
      rowMs += ms;
    }
    const all = together(sizes);
    return { columns: hasUnknown ? undefined : columns, rowBytes: this.#bytes(all), rowMs };
  }

  // ---- FROM

  #from(item: unknown, scope: Scope, sources: Source[]): void {
    const { type, fields } = unwrap(item) ?? refuseSql('FROM cannot be read');
    if (type === 'JoinExpr') {
      only(type, fields, JOIN_MEMBERS);
      this.#from(fields.larg, scope, sources);
      this.#from(fields.rarg, scope, sources);
      if (fields.quals !== undefined) this.#expression(fields.quals, scope);
      // Joined by name: the columns are compared, and we do not look which.
      if (fields.isNatural === true)
        this.#charge(SORT_PRICE, sizeOf(sum(sources.map(({ rowBytes }) => rowBytes))));
      for (const name of namesOf(fields.usingClause)) {
        const column = columnIn({ ...scope, outer: undefined }, [name]);
        if (column !== undefined) this.#charge(2 * SORT_PRICE, column.size);
      }
      if (fields.alias !== undefined) refuseSql('an alias of a join is not allowed; name its parts');
      return;
    }
    if (this.#rowBytes.length >= MAX_SOURCES)
      refuseSql(`it names more than ${MAX_SOURCES} relations; the planner tries all their orders`);
    const row = this.#rowBytes.push(0) - 1;
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
    this.#rowBytes[row] = source.rowBytes;
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
      // Not LATERAL: PostgreSQL refuses what this scope would let pass.
      return this.#select(fieldsOf(unwrap(fields.subquery)?.fields), scope, scope.ctes);
    }
    if (type !== 'RangeFunction') return refuseSql(`${type} is not allowed in FROM`);
    only(type, fields, ['lateral', 'ordinality', 'is_rowsfrom', 'functions', 'alias']);
    const sizes = listOf(fields.functions).map((one) => {
      const [call] = listOf(unwrap(one)?.fields.items);
      if (unwrap(call)?.type !== 'FuncCall') refuseSql('FROM takes functions, tables and queries');
      return this.#expression(call, scope);
    });
    return { columns: undefined, rowBytes: this.#bytes(together([...sizes, sizeOf(SMALL_BYTES)])), rowMs: 0 };
  }

  // ---- expressions

  #nested<T>(work: () => T): T {
    this.#depth += 1;
    if (this.#depth > MAX_NESTING) refuseSql(`it is nested more than ${MAX_NESTING} levels deep`);
    const value = work();
    this.#depth -= 1;
    return value;
  }

  /** How large the value of an expression may be; what it costs is charged. */
  #expression(value: unknown, scope: Scope): Size {
    const { type, fields } = unwrap(value) ?? refuseSql('it cannot be read');
    return this.#nested(() => this.#sizeOf(value, type, fields, scope));
  }

  #all(list: unknown, scope: Scope): Size[] {
    return listOf(list).map((item) => this.#expression(item, scope));
  }

  #sizeOf(value: unknown, type: string, fields: Fields, scope: Scope): Size {
    switch (type) {
      case 'A_Const':
        return constantSize(fields);
      case 'ParamRef':
        return sizeOf(Math.max(SMALL_BYTES, this.#bound[Number(fields.number ?? 0) - 1]?.bytes ?? 0));
      case 'ColumnRef':
        return this.#column(fields, scope);
      case 'A_Expr':
        return this.#operator(fields, scope);
      case 'FuncCall':
        return this.#call(fields, scope);
      case 'TypeCast':
        return this.#cast(value, fields, scope);
      case 'SubLink':
        return this.#subquery(fields, scope);
      case 'BoolExpr':
        only(type, fields, ['boolop', 'args']);
        this.#all(fields.args, scope);
        return sizeOf(SMALL_BYTES);
      case 'NullTest':
        only(type, fields, ['arg', 'nulltesttype', 'argisrow']);
        this.#expression(fields.arg, scope);
        return sizeOf(SMALL_BYTES);
      case 'BooleanTest':
        only(type, fields, ['arg', 'booltesttype']);
        this.#expression(fields.arg, scope);
        return sizeOf(SMALL_BYTES);
      case 'CaseExpr':
        return this.#case(fields, scope);
      case 'CoalesceExpr':
        only(type, fields, ['args']);
        return largest(this.#all(fields.args, scope));
      case 'MinMaxExpr': {
        only(type, fields, ['op', 'args']);
        const sizes = this.#all(fields.args, scope);
        this.#charge(SORT_PRICE, together(sizes));
        return largest(sizes);
      }
      case 'A_ArrayExpr': {
        only(type, fields, ['elements', 'location', 'list_start', 'list_end']);
        const size = together([sizeOf(SMALL_BYTES), ...this.#all(fields.elements, scope)]);
        this.#charge(10, size);
        return size;
      }
      case 'RowExpr':
        only(type, fields, ['args', 'row_format']);
        return together([sizeOf(SMALL_BYTES), ...this.#all(fields.args, scope)]);
      case 'A_Indirection':
        return this.#subscript(fields, scope);
      case 'SQLValueFunction':
        if (!ALLOWED_VALUE_WORDS.has(String(fields.op)))
          refuseSql('words that name roles, databases and schemas are not allowed');
        return sizeOf(SMALL_BYTES);
      case 'CollateClause':
        only(type, fields, ['arg', 'collname']);
        if (builtInName(fields.collname) !== 'C') refuseSql('the only collation allowed is "C"');
        return this.#expression(fields.arg, scope);
      case 'List':
        only(type, fields, ['items']);
        return together(this.#all(fields.items, scope));
      default:
        return refuseSql(`${type} is not allowed here`);
    }
  }

  #column(fields: Fields, scope: Scope): Size {
    only('ColumnRef', fields, ['fields']);
    if (starOf({ ColumnRef: fields }) !== undefined)
      refuseSql('* is allowed in a select list and in count(*) only');
    const names = namesOf(fields.fields);
    // The table is shown as a query of its own, which has no schema.
    if (names.length === 3 && names[0] === 'ledger' && Array.isArray(fields.fields)) fields.fields.shift();
    const found = columnIn(scope, names.slice(-2));
    const output = names.length === 1 ? scope.outputs.get(names[0] ?? '') : undefined;
    if (found !== undefined) {
      this.#ms += found.ms;
      return output === undefined ? found.size : largest([found.size, output]);
    }
    if (output !== undefined) return output;
    if (names.length === 1 && isSource(scope, names[0] ?? ''))
      refuseSql(`${names[0]} is a whole row; name the columns that you need`);
    // PostgreSQL will not know it either, and says so better.
    return sizeOf(SPAN_BYTES);
  }

  #case(fields: Fields, scope: Scope): Size {
    only('CaseExpr', fields, ['arg', 'args', 'defresult']);
    const subject = fields.arg === undefined ? undefined : this.#expression(fields.arg, scope);
    const results = listOf(fields.args).map((item) => {
      const when = unwrap(item)?.fields ?? refuseSql('CASE cannot be read');
      only('CaseWhen', when, ['expr', 'result']);
      const compared = this.#expression(when.expr, scope);
      if (subject !== undefined) this.#charge(10, together([subject, compared]));
      return this.#expression(when.result, scope);
    });
    if (fields.defresult !== undefined) results.push(this.#expression(fields.defresult, scope));
    return largest(results);
  }

  #subscript(fields: Fields, scope: Scope): Size {
    only('A_Indirection', fields, ['arg', 'indirection']);
    const size = this.#expression(fields.arg, scope);
    for (const item of listOf(fields.indirection)) {
      const node = unwrap(item);
      if (node?.type !== 'A_Indices')
        refuseSql('(row).column is not allowed; name the column with its table instead');
      only('A_Indices', node.fields, ['is_slice', 'lidx', 'uidx']);
      for (const index of [node.fields.lidx, node.fields.uidx])
        if (index !== undefined) this.#expression(index, scope);
      this.#charge(10, size);
    }
    return size;
  }

  #subquery(fields: Fields, scope: Scope): Size {
    only('SubLink', fields, ['subLinkType', 'testexpr', 'operName', 'subselect']);
    const kind = String(fields.subLinkType);
    if (!['EXISTS_SUBLINK', 'ANY_SUBLINK', 'ALL_SUBLINK', 'EXPR_SUBLINK'].includes(kind))
      refuseSql('ARRAY(SELECT …) is not allowed: it gathers any number of rows; answer the rows themselves');
    const answer = this.#select(fieldsOf(unwrap(fields.subselect)?.fields), scope, scope.ctes);
    if (fields.testexpr !== undefined) {
      const operator = fields.operName === undefined ? '=' : builtInName(fields.operName);
      if (!/^(=|<>|<|>|<=|>=)$/.test(operator ?? '')) refuseSql('ANY and ALL take a comparison');
      this.#charge(SORT_PRICE, together([this.#expression(fields.testexpr, scope), sizeOf(answer.rowBytes)]));
    }
    return sizeOf(kind === 'EXPR_SUBLINK' ? answer.rowBytes : SMALL_BYTES);
  }

  #cast(value: unknown, fields: Fields, scope: Scope): Size {
    only('TypeCast', fields, ['arg', 'typeName']);
    const typeName = isFields(fields.typeName) ? fields.typeName : refuseSql('a type cannot be read');
    only('TypeName', typeName, ['names', 'typemod', 'typmods', 'arrayBounds']);
    const name = builtInName(typeName.names) ?? '';
    const rule = ALLOWED_TYPES.get(name) ?? refuseSql(`type ${name} is not allowed`);
    const isList = listOf(typeName.arrayBounds).length > 0;
    const size = this.#expression(fields.arg, scope);
    this.#charge(isList ? Math.max(rule.price, JSON_TEXT_PRICE) : rule.price, size);
    if (name === 'numeric' || name === 'decimal') boundNumeric(value, fields, typeName, isList);
    if (rule.isSmall && !isList) return sizeOf(SMALL_BYTES);
    return name === 'jsonb' || isList ? together([size, sizeOf(SMALL_BYTES)]) : times(size, 2);
  }

  // ---- operators

  #operator(fields: Fields, scope: Scope): Size {
    only('A_Expr', fields, [
      'kind',
      'name',
      'lexpr',
      'rexpr',
      'location',
      'rexpr_list_start',
      'rexpr_list_end',
    ]);
    const name = builtInName(fields.name) ?? refuseSql('operators of another schema are not allowed');
    switch (fields.kind) {
      case 'AEXPR_OP':
        return this.#plainOperator(name, fields, scope);
      case 'AEXPR_LIKE':
      case 'AEXPR_ILIKE':
        return this.#like(fields, scope);
      case 'AEXPR_IN':
        return this.#in(fields, scope);
      case 'AEXPR_OP_ANY':
      case 'AEXPR_OP_ALL': {
        if (name !== '=' && name !== '<>') refuseSql('ANY and ALL of a list take = and <> only');
        this.#charge(
          20,
          together([this.#expression(fields.lexpr, scope), this.#expression(fields.rexpr, scope)]),
        );
        return sizeOf(SMALL_BYTES);
      }
      case 'AEXPR_DISTINCT':
      case 'AEXPR_NOT_DISTINCT':
      case 'AEXPR_NULLIF': {
        const left = this.#expression(fields.lexpr, scope);
        this.#charge(10, together([left, this.#expression(fields.rexpr, scope)]));
        return fields.kind === 'AEXPR_NULLIF' ? left : sizeOf(SMALL_BYTES);
      }
      case 'AEXPR_BETWEEN':
      case 'AEXPR_NOT_BETWEEN': {
        const left = this.#expression(fields.lexpr, scope);
        this.#charge(SORT_PRICE, together([times(left, 2), this.#expression(fields.rexpr, scope)]));
        return sizeOf(SMALL_BYTES);
      }
      default:
        return refuseSql('SIMILAR TO and symmetric comparisons are not allowed');
    }
  }

  #plainOperator(name: string, fields: Fields, scope: Scope): Size {
    const rule =
      ALLOWED_OPERATORS.get(name) ??
      refuseSql(
        `operator ${name} is not allowed; allowed are ${[...ALLOWED_OPERATORS.keys()].join(' ')} and LIKE`,
      );
    const right = this.#expression(fields.rexpr, scope);
    const left = fields.lexpr === undefined ? NOTHING : this.#expression(fields.lexpr, scope);
    const both = together([left, right]);
    const areTexts = rule.needsText === true && this.#areTexts(fields, scope);
    this.#charge(areTexts ? PLAIN_TEXT_PRICE : rule.price, both);
    this.#chargeContained(name, rule, fields, { left, right });
    if (rule.needsText === true && !this.#isText({ A_Expr: fields }, scope))
      refuseSql('|| joins texts only, and one side must be known to be text: cast it to text');
    if (rule.takesProduct === true) this.#chargeProduct(left, right);
    return this.#result(name, rule, fields, { left, right });
  }

  #areTexts({ lexpr, rexpr }: Fields, scope: Scope): boolean {
    return [lexpr, rexpr].every((side) => textOf(side) !== undefined || this.#isText(side, scope));
  }

  #isText(value: unknown, scope: Scope): boolean {
    const { type, fields } = unwrap(value) ?? refuseSql('it cannot be read');
    if (type === 'ColumnRef') return columnIn(scope, namesOf(fields.fields).slice(-2))?.isText === true;
    if (type === 'FuncCall') return TEXT_FUNCTIONS.has(builtInName(fields.funcname) ?? '');
    if (type === 'TypeCast') {
      const { names, arrayBounds } = fieldsOf(fields.typeName);
      return /^(text|varchar)$/.test(builtInName(names) ?? '') && listOf(arrayBounds).length === 0;
    }
    if (type === 'CoalesceExpr') return listOf(fields.args).some((item) => this.#isText(item, scope));
    if (type !== 'A_Expr' || fields.kind !== 'AEXPR_OP') return false;
    const name = builtInName(fields.name);
    if (name === '->>' || name === '#>>') return true;
    return name === '||' && [fields.lexpr, fields.rexpr].some((side) => this.#isText(side, scope));
  }

  #result(name: string, rule: OperatorRule, fields: Fields, { left, right }: Sides): Size {
    switch (rule.result) {
      case 'small':
        return sizeOf(SMALL_BYTES);
      case 'larger':
        return largest([left, right]);
      case 'left':
        return left;
      case 'part': {
        const key = textOf(fields.rexpr) ?? nonNegative(fields.rexpr);
        const part = (key === undefined ? undefined : memberOf(left, key)) ?? left;
        if (name === '->>') this.#charge(JSON_TEXT_PRICE, part);
        return part;
      }
      default:
        return together([left, right]);
    }
  }

  /** The values of one side are looked for in the other, each from its beginning. */
  #chargeContained(name: string, { contained }: OperatorRule, fields: Fields, { left, right }: Sides): void {
    if (contained === undefined) return;
    const leftValues = contained === 'right' ? undefined : this.#valuesIn(fields.lexpr);
    const rightValues = contained === 'left' ? undefined : this.#valuesIn(fields.rexpr);
    if (rightValues !== undefined) this.#charge(CONTAINED_PRICE * rightValues, left);
    else if (leftValues !== undefined) this.#charge(CONTAINED_PRICE * leftValues, right);
    else refuseSql(`what ${name} looks for must be a constant or a bound value`);
  }

  /** How many values a constant or a bound value holds; undefined for anything else. */
  #valuesIn(value: unknown): number | undefined {
    const node = unwrap(value);
    if (node?.type === 'TypeCast') return this.#valuesIn(node.fields.arg);
    if (node?.type === 'ParamRef') return this.#bound[Number(node.fields.number) - 1]?.values ?? 1;
    if (node?.type === 'A_ArrayExpr') {
      const counts = listOf(node.fields.elements).map((item) => this.#valuesIn(item));
      return counts.includes(undefined) ? undefined : sum(counts.map((count) => count ?? 0));
    }
    const text = textOf(value);
    if (text !== undefined) return valuesInText(text);
    return node?.type === 'A_Const' ? 1 : undefined;
  }

  #chargeProduct(left: Size, right: Size): void {
    const [one, other] = [left, right].map((size) => Math.min(this.#bytes(size), NUMERIC_DIGITS));
    const ms = PRODUCT_PRICE * (one ?? 0) * (other ?? 0);
    if (ms > MAX_ROW_MS)
      refuseSql('* / % need a side that is known to be short: cast it to int, float8 or numeric');
    this.#ms += ms;
  }

  #like(fields: Fields, scope: Scope): Size {
    const text = this.#expression(fields.lexpr, scope);
    const pattern = this.#needleBytes(fields.rexpr, 'the pattern of LIKE');
    const isStart = /^[^%_\\]*%?$/.test(textOf(fields.rexpr) ?? '%%');
    const each = isStart ? 5 : LIKE_PRICE * pattern;
    this.#charge(each + (fields.kind === 'AEXPR_ILIKE' ? ILIKE_PRICE : 0), text);
    return sizeOf(SMALL_BYTES);
  }

  #needleBytes(value: unknown, what: string): number {
    const node = unwrap(value);
    if (node?.type === 'TypeCast') return this.#needleBytes(node.fields.arg, what);
    if (node?.type === 'ParamRef') return this.#bound[Number(node.fields.number) - 1]?.bytes ?? 1;
    const text = textOf(value) ?? refuseSql(`${what} must be a constant or a bound value`);
    return Math.max(1, Buffer.byteLength(text));
  }

  #in(fields: Fields, scope: Scope): Size {
    const left = this.#expression(fields.lexpr, scope);
    const items = listOf(unwrap(fields.rexpr)?.fields.items);
    const sizes = items.map((item) => this.#expression(item, scope));
    const areFixed = items.every(isFixed);
    this.#charge(10, together([areFixed ? left : times(left, items.length), ...sizes]));
    return sizeOf(SMALL_BYTES);
  }

  // ---- functions

  #call(fields: Fields, scope: Scope): Size {
    only('FuncCall', fields, CALL_MEMBERS);
    const name = builtInName(fields.funcname) ?? '';
    const rule = ALLOWED_FUNCTIONS.get(name) ?? refuseSql(`function ${name} is not allowed`);
    const args = listOf(fields.args);
    const sizes = args.map((item) => this.#expression(item, scope));
    const all = together(sizes);
    this.#charge(rule.price, all);
    if (fields.agg_distinct === true) this.#charge(SORT_PRICE, all);
    if (fields.agg_filter !== undefined) this.#expression(fields.agg_filter, scope);
    this.#sorts(fields.agg_order, scope);
    if (isFields(fields.over)) this.#window(fields.over, scope);
    if (rule.smallOnly === true && this.#bytes(all) > MAX_SMALL_ARGUMENT_BYTES)
      refuseSql(`${name} takes short values only: cast what you give it to a number, a date or a timestamp`);
    if (rule.needle !== undefined && args.length > rule.needle) {
      const needle = this.#needleBytes(args[rule.needle], `what ${name} looks for`);
      this.#charge(NEEDLE_PRICE * needle, sizes[0] ?? NOTHING);
    }
    if (rule.squares === true) this.#chargeProduct(all, all);
    return this.#returned(name, rule, args, all);
  }

  #returned(name: string, rule: FunctionRule, args: readonly unknown[], all: Size): Size {
    switch (rule.result) {
      case 'args':
        return all;
      case 'double':
        return times(together([all, sizeOf(SMALL_BYTES * (args.length + 1))]), 2);
      case 'picked':
        return sizeOf(this.#bytes(all));
      case 'number': {
        const bytes = this.#bytes(all);
        return sizeOf(bytes <= SMALL_BYTES ? SMALL_BYTES : Math.min(bytes, NUMERIC_DIGITS) + SMALL_BYTES);
      }
      case 'cut': {
        const characters =
          args.length === (name.startsWith('sub') ? 3 : 2) ? integerOf(args.at(-1)) : undefined;
        return characters === undefined || characters < 0 || characters * 4 > SPAN_BYTES
          ? all
          : sizeOf(Math.max(SMALL_BYTES, characters * 4));
      }
      default:
        return sizeOf(SMALL_BYTES);
    }
  }

  #window(fields: Fields, scope: Scope): void {
    only('WindowDef', fields, WINDOW_MEMBERS);
    for (const item of listOf(fields.partitionClause))
      this.#charge(SORT_PRICE, this.#expression(item, scope));
    this.#sorts(fields.orderClause, scope);
    for (const offset of [fields.startOffset, fields.endOffset])
      if (offset !== undefined) this.#expression(offset, scope);
  }
}

interface Sides {
  readonly left: Size;
  readonly right: Size;
}

const SELECT_MEMBERS =
  `distinctClause targetList fromClause whereClause groupClause havingClause windowClause valuesLists
  sortClause limitOffset limitCount limitOption withClause op all larg rarg`.split(/\s+/);
const CTE_MEMBERS = ['ctename', 'aliascolnames', 'ctematerialized', 'ctequery'];
const JOIN_MEMBERS = ['jointype', 'isNatural', 'larg', 'rarg', 'usingClause', 'quals', 'alias', 'rtindex'];
const CALL_MEMBERS =
  `funcname args agg_order agg_filter over agg_within_group agg_star agg_distinct funcformat`.split(/\s+/);
const WINDOW_MEMBERS = `name refname partitionClause orderClause frameOptions startOffset endOffset`.split(
  /\s+/,
);

/** Every member is accounted for, so that nothing is sent that nobody has looked at. */
function only(type: string, fields: Fields, members: readonly string[]): void {
  for (const name of Object.keys(fields))
    if (name !== 'location' && !members.includes(name)) refuseSql(`${type}.${name} is not allowed`);
}

function fieldsOf(value: unknown): Fields {
  const fields = unwrap(value)?.fields ?? value;
  return isFields(fields) ? fields : refuseSql('a query cannot be read');
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function rename(answer: Answered, names: readonly string[]): Answered {
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

/** `*` → '', `t.*` → 't'; undefined for anything else. */
function starOf(value: unknown): string | undefined {
  const node = unwrap(value);
  if (node?.type !== 'ColumnRef') return undefined;
  const parts = listOf(node.fields.fields);
  return unwrap(parts.at(-1))?.type === 'A_Star' ? (namesOf(parts).at(-2) ?? '') : undefined;
}

/** The name PostgreSQL gives a column that has none of its own; '' when we do not know it. */
function impliedName(value: unknown): string {
  const node = unwrap(value);
  if (node?.type === 'ColumnRef') return namesOf(node.fields.fields).at(-1) ?? '';
  if (node?.type === 'FuncCall') return namesOf(node.fields.funcname).at(-1) ?? '';
  if (node?.type === 'TypeCast') return impliedName(node.fields.arg);
  if (node?.type === 'CoalesceExpr') return 'coalesce';
  return node?.type === 'CaseExpr' ? 'case' : '?column?';
}

function isStructured(value: unknown): boolean {
  const node = unwrap(value);
  if (node?.type === 'ColumnRef') {
    const name = namesOf(node.fields.fields).at(-1) ?? '';
    return STRUCTURED_COLUMNS.has(name) || !isPlainSpanColumn(name);
  }
  if (node?.type === 'TypeCast') return listOf(fieldsOf(node.fields.typeName).arrayBounds).length > 0;
  if (node?.type === 'A_Expr') return !['->>', '#>>', '||'].includes(builtInName(node.fields.name) ?? '');
  return node?.type !== 'A_Const' && node?.type !== 'ParamRef';
}

function isPlainSpanColumn(name: string): boolean {
  return (
    SPAN_ANSWER.columns?.some((column) => column.name === name) === true && !STRUCTURED_COLUMNS.has(name)
  );
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

function constantSize(fields: Fields): Size {
  if (isFields(fields.fval)) {
    const digits = String(fields.fval.fval ?? '');
    const exponent = Math.abs(Number(/e([+-]?\d+)$/i.exec(digits)?.[1] ?? 0));
    if (digits.length > MAX_NUMBER_CHARACTERS || exponent > MAX_NUMBER_CHARACTERS)
      refuseSql(`a number has more than ${MAX_NUMBER_CHARACTERS} digits`);
  }
  const text = isFields(fields.sval) && typeof fields.sval.sval === 'string' ? fields.sval.sval : '';
  refuseHugeNumber(text);
  if (isFields(fields.bsval)) refuseSql('bit strings are not allowed');
  return sizeOf(Math.max(SMALL_BYTES, Buffer.byteLength(text)));
}

function isFixed(value: unknown): boolean {
  const node = unwrap(value);
  if (node?.type === 'TypeCast') return isFixed(node.fields.arg);
  return node?.type === 'A_Const' || node?.type === 'ParamRef';
}

function nonNegative(value: unknown): string | undefined {
  const index = integerOf(value);
  return index === undefined || index < 0 ? undefined : String(index);
}

/** A number with an exponent of four digits or more. */
const HUGE_NUMBER = /^\s*[+-]?[\d_]*\.?[\d_]*e[+-]?[\d_]{4,}\s*$/i;

/**
 * A text becomes whatever its place asks for: eight characters such as `1e130000` are a number of 130,000 digits beside
 * another number. Any other text becomes no more than it is long.
 * @throws SqlRefusedError
 */
export function refuseHugeNumber(text: string): void {
  // Also as a member of a list.
  if (text.split(/[{},"[\]]/).some((part) => HUGE_NUMBER.test(part)))
    refuseSql('a number has an exponent of more than three digits');
}

/** Values in JSON or in a list as text: one more than its separators. */
export function valuesInText(text: string): number {
  return (text.match(/[,:]/g)?.length ?? 0) + 1;
}

const STRING = (sval: string) => ({ String: { sval } });

/** Puts a query over the columns of a span in the place of the table, so that no other column has a name. */
function showSpansOnly(item: unknown): void {
  const holder = item as Record<string, unknown>;
  const table = fieldsOf(holder.RangeVar);
  const { alias, ...bare } = table;
  delete holder.RangeVar;
  holder.RangeSubselect = {
    subquery: {
      SelectStmt: {
        targetList: (SPAN_ANSWER.columns ?? []).map(({ name }) => ({
          ResTarget: { val: { ColumnRef: { fields: [STRING(name)] } } },
        })),
        fromClause: [{ RangeVar: bare }],
        limitOption: 'LIMIT_OPTION_DEFAULT',
        op: 'SETOP_NONE',
      },
    },
    alias: isFields(alias) ? alias : { aliasname: String(table.relname) },
  };
}

/**
 * A numeric takes any text of 131,072 digits; with a precision it takes no more than that. `trim_scale` takes away the
 * zeros which the scale has added.
 */
function boundNumeric(value: unknown, fields: Fields, typeName: Fields, isList: boolean): void {
  const given = listOf(typeName.typmods);
  if (given.length > 0) {
    const digits = integerOf(given[0]) ?? Number.POSITIVE_INFINITY;
    if (digits > MAX_NUMERIC_PRECISION) refuseSql(`numeric has at most ${MAX_NUMERIC_PRECISION} digits here`);
    return;
  }
  const { digits, scale } = NUMERIC_PRECISION;
  const constant = (ival: number) => ({ A_Const: { ival: { ival } } });
  const bounded = { ...fields, typeName: { ...typeName, typmods: [constant(digits), constant(scale)] } };
  const holder = value as Record<string, unknown>;
  delete holder.TypeCast;
  if (isList) holder.TypeCast = bounded;
  else {
    holder.FuncCall = {
      funcname: [STRING('trim_scale')],
      args: [{ TypeCast: bounded }],
      funcformat: 'COERCE_EXPLICIT_CALL',
    };
  }
}
