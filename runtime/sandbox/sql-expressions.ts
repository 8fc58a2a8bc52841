import { refuseSql } from './errors';
import {
  ALLOWED_TYPES,
  ALLOWED_VALUE_WORDS,
  JSON_TEXT_PRICE,
  LIST_GROWTH,
  LIST_PRICE,
  NODE_MS,
  SMALL_BYTES,
  SORT_PRICE,
  SPAN_BYTES,
  TIME_TYPES,
} from './sql-allowed';
import { type BoundSizes, constantSize, isFixed } from './sql-constants';
import { SqlFunctions } from './sql-functions';
import { isWideColumn, SqlKeys, WIDE_BYTES } from './sql-keys';
import type { SqlMeter } from './sql-meter';
import { SqlOperators } from './sql-operators';
import { boundNumeric, compareOneByOne, dropSchema, lookUpEachTime } from './sql-rewrite';
import { type Answered, columnIn, hasUnnamed, isSource, type Scope, type Sizing } from './sql-scope';
import { largest, type Size, sizeOf, times, together } from './sql-size';
import { isArrayValue } from './sql-text';
import { isTime, mayNameZone, refuseZones } from './sql-times';
import {
  builtInName,
  type Fields,
  fieldsOf,
  isFields,
  listOf,
  namesOf,
  only,
  starOf,
  textOf,
  unwrap,
} from './sql-tree';

const MAX_NESTING = 60;
const WINDOW_MEMBERS = `name refname partitionClause orderClause frameOptions startOffset endOffset`.split(
  /\s+/,
);

/** Checks a subquery. */
export type QueryCheck = (fields: Fields, outer: Scope, ctes: ReadonlyMap<string, Answered>) => Answered;

/** Sizes and costs of expressions. */
export class SqlExpressions implements Sizing {
  readonly #meter: SqlMeter;
  readonly #bound: BoundSizes;
  readonly #query: QueryCheck;
  readonly #operators: SqlOperators;
  readonly #calls: SqlFunctions;
  readonly keys: SqlKeys;
  /** Subqueries that PostgreSQL makes joins of. */
  readonly #joined = new WeakSet<Fields>();
  /** Window definitions seen so far: PostgreSQL sorts once for equal ones. */
  readonly #windows = new Set<string>();
  #depth = 0;

  constructor(meter: SqlMeter, bound: BoundSizes, query: QueryCheck) {
    this.#meter = meter;
    this.#bound = bound;
    this.#query = query;
    this.#operators = new SqlOperators(this, meter, bound);
    this.keys = new SqlKeys(this, meter);
    this.#calls = new SqlFunctions({ sizing: this, keys: this.keys, meter, bound });
  }

  /** Runs `work` one nesting level deeper. @throws SqlRefusedError below the deepest level allowed */
  nested<T>(work: () => T): T {
    this.#depth += 1;
    if (this.#depth > MAX_NESTING) refuseSql(`it is nested more than ${MAX_NESTING} levels deep`);
    const value = work();
    this.#depth -= 1;
    return value;
  }

  /** The largest size of an expression's value; charges its cost. @throws SqlRefusedError */
  sizeOf(value: unknown, scope: Scope): Size {
    const { type, fields } = unwrap(value) ?? refuseSql('it cannot be read');
    this.#meter.addMs(NODE_MS);
    return this.nested(() => this.#dispatch(value, type, fields, scope));
  }

  repeated(value: unknown, scope: Scope, times: number): Size {
    const { value: size, ms } = this.#meter.costOf(() => this.sizeOf(value, scope));
    this.#meter.addMs(ms * (times - 1));
    return size;
  }

  /** Notes that PostgreSQL makes a join of a subquery. */
  isJoined(subLink: Fields): void {
    this.#joined.add(subLink);
  }

  all(list: unknown, scope: Scope): Size[] {
    return listOf(list).map((item) => this.sizeOf(item, scope));
  }

  #dispatch(value: unknown, type: string, fields: Fields, scope: Scope): Size {
    switch (type) {
      case 'A_Const':
        if (mayNameZone(textOf(value) ?? '')) this.#meter.leavesTraces = true;
        return constantSize(fields);
      case 'ParamRef':
        return sizeOf(Math.max(SMALL_BYTES, this.#bound[Number(fields.number ?? 0) - 1]?.written ?? 0));
      case 'ColumnRef':
        return this.#column(fields, scope);
      case 'A_Expr':
        return this.#operators.sizeOf(fields, scope);
      case 'FuncCall':
        return this.#calls.sizeOf(fields, scope);
      case 'TypeCast':
        return this.#cast(value, fields, scope);
      case 'SubLink':
        return this.#subquery(value, fields, scope);
      case 'BoolExpr':
        only(type, fields, ['boolop', 'args']);
        this.all(fields.args, scope);
        return sizeOf(SMALL_BYTES);
      case 'NullTest':
        only(type, fields, ['arg', 'nulltesttype', 'argisrow']);
        this.sizeOf(fields.arg, scope);
        return sizeOf(SMALL_BYTES);
      case 'BooleanTest':
        only(type, fields, ['arg', 'booltesttype']);
        this.sizeOf(fields.arg, scope);
        return sizeOf(SMALL_BYTES);
      case 'CaseExpr':
        return this.#case(fields, scope);
      case 'CoalesceExpr':
        only(type, fields, ['args']);
        return largest(this.all(fields.args, scope));
      case 'MinMaxExpr': {
        only(type, fields, ['op', 'args']);
        const sizes = this.all(fields.args, scope);
        this.#meter.charge(SORT_PRICE, together(sizes));
        return largest(sizes);
      }
      case 'A_ArrayExpr': {
        only(type, fields, ['elements', 'location', 'list_start', 'list_end']);
        const size = together([sizeOf(SMALL_BYTES), ...this.all(fields.elements, scope)]);
        this.#meter.charge(10, size);
        return size;
      }
      case 'RowExpr':
        only(type, fields, ['args', 'row_format']);
        return together([sizeOf(SMALL_BYTES), ...this.all(fields.args, scope)]);
      case 'A_Indirection':
        return this.#subscript(fields, scope);
      case 'SQLValueFunction':
        if (!ALLOWED_VALUE_WORDS.has(String(fields.op)))
          refuseSql('words that name roles, databases and schemas are not allowed');
        return sizeOf(SMALL_BYTES);
      case 'CollateClause':
        only(type, fields, ['arg', 'collname']);
        if (builtInName(fields.collname) !== 'C') refuseSql('the only collation allowed is "C"');
        return this.sizeOf(fields.arg, scope);
      case 'List':
        only(type, fields, ['items']);
        return together(this.all(fields.items, scope));
      default:
        return refuseSql(`${type} is not allowed here`);
    }
  }

  #column(fields: Fields, scope: Scope): Size {
    only('ColumnRef', fields, ['fields']);
    if (starOf({ ColumnRef: fields }) !== undefined)
      refuseSql('* is allowed in a select list and in count(*) only');
    dropSchema(fields);
    const names = namesOf(fields.fields);
    const found = names.length > 2 ? undefined : columnIn(scope, names);
    const output = names.length === 1 ? scope.outputs.find(({ name }) => name === names[0])?.size : undefined;
    if (found !== undefined) {
      this.#meter.addMs(found.ms);
      return output === undefined ? found.size : largest([found.size, output]);
    }
    if (output !== undefined) return output;
    // PostgreSQL reads r.f as the call f(r) when r has no column f, whatever the function f does.
    if (names.length > 1) refuseSql(`column ${names.join('.')} does not exist`);
    if (isSource(scope, names[0] ?? ''))
      refuseSql(`${names[0]} is a whole row; name the columns that you need`);
    if (hasUnnamed(scope))
      refuseSql(`column ${names[0]} is not known; name each column of a subquery with AS`);
    // An unknown column: PostgreSQL's own error is better.
    return sizeOf(SPAN_BYTES);
  }

  #case(fields: Fields, scope: Scope): Size {
    only('CaseExpr', fields, ['arg', 'args', 'defresult']);
    const subject = fields.arg === undefined ? undefined : this.sizeOf(fields.arg, scope);
    const results = listOf(fields.args).map((item) => {
      const when = unwrap(item)?.fields ?? refuseSql('CASE cannot be read');
      only('CaseWhen', when, ['expr', 'result']);
      const compared = this.sizeOf(when.expr, scope);
      if (subject !== undefined) this.#meter.charge(10, together([subject, compared]));
      return this.sizeOf(when.result, scope);
    });
    if (fields.defresult !== undefined) results.push(this.sizeOf(fields.defresult, scope));
    return largest(results);
  }

  #subscript(fields: Fields, scope: Scope): Size {
    only('A_Indirection', fields, ['arg', 'indirection']);
    const size = this.sizeOf(fields.arg, scope);
    for (const item of listOf(fields.indirection)) {
      const node = unwrap(item);
      if (node?.type !== 'A_Indices')
        refuseSql('(row).column is not allowed; name the column with its table instead');
      only('A_Indices', node.fields, ['is_slice', 'lidx', 'uidx']);
      for (const index of [node.fields.lidx, node.fields.uidx])
        if (index !== undefined) this.sizeOf(index, scope);
      this.#meter.charge(10, size);
    }
    return size;
  }

  #subquery(value: unknown, fields: Fields, scope: Scope): Size {
    only('SubLink', fields, ['subLinkType', 'testexpr', 'operName', 'subselect']);
    const kind = String(fields.subLinkType);
    if (!['EXISTS_SUBLINK', 'ANY_SUBLINK', 'ALL_SUBLINK', 'EXPR_SUBLINK'].includes(kind))
      refuseSql('ARRAY(SELECT …) is not allowed: it gathers any number of rows; answer the rows themselves');
    const answer = this.#query(fieldsOf(unwrap(fields.subselect)?.fields), scope, scope.ctes);
    if (kind === 'EXISTS_SUBLINK' && !this.#joined.has(fields)) lookUpEachTime(fields.subselect);
    if (fields.testexpr !== undefined) {
      const operator = fields.operName === undefined ? '=' : builtInName(fields.operName);
      if (!/^(=|<>|<|>|<=|>=)$/.test(operator ?? '')) refuseSql('ANY and ALL take a comparison');
      this.#meter.keepRows();
      if (kind === 'ANY_SUBLINK' && operator === '=' && !this.#isJoinOfNarrow(fields, answer, scope))
        compareOneByOne(value);
      const test = this.sizeOf(fields.testexpr, scope);
      this.#meter.charge(SORT_PRICE, together([test, sizeOf(answer.rowBytes)]));
    }
    return sizeOf(kind === 'EXPR_SUBLINK' ? answer.rowBytes : SMALL_BYTES);
  }

  /** Whether PostgreSQL makes a join of a subquery, and sorts no long values of one column for it. */
  #isJoinOfNarrow(fields: Fields, { columns }: Answered, scope: Scope): boolean {
    const [only] = columns;
    const isNarrow = columns.length > 1 || only?.isStored === true || (only?.bytes ?? 0) <= WIDE_BYTES;
    return isNarrow && this.#joined.has(fields) && !isWideColumn(fields.testexpr, scope, this.#meter);
  }

  #cast(value: unknown, fields: Fields, scope: Scope): Size {
    only('TypeCast', fields, ['arg', 'typeName']);
    const typeName = isFields(fields.typeName) ? fields.typeName : refuseSql('a type cannot be read');
    only('TypeName', typeName, ['names', 'typemod', 'typmods', 'arrayBounds']);
    const name = builtInName(typeName.names) ?? '';
    const rule = ALLOWED_TYPES.get(name) ?? refuseSql(`type ${name} is not allowed`);
    const isList = listOf(typeName.arrayBounds).length > 0;
    const size = this.sizeOf(fields.arg, scope);
    if (name === 'jsonb' && !isFixed(fields.arg))
      refuseSql(
        'only a constant or a bound value is cast to jsonb: 1e131071 is a number of 131,072 digits there',
      );
    if (TIME_TYPES.has(name)) this.#timeFrom(fields, scope, isList);
    if (name === 'numeric' || name === 'decimal') boundNumeric(value, fields, typeName, isList);
    if (isList) {
      const isParsed = !isArrayValue(fields.arg, scope);
      this.#meter.charge(Math.max(rule.price, isParsed ? LIST_PRICE : JSON_TEXT_PRICE), size);
      return together([times(size, isParsed ? LIST_GROWTH : 2), sizeOf(SMALL_BYTES)]);
    }
    this.#meter.charge(rule.price, size);
    if (rule.isSmall) return sizeOf(SMALL_BYTES);
    return name === 'jsonb' ? together([size, sizeOf(SMALL_BYTES)]) : times(size, 2);
  }

  #timeFrom(cast: Fields, scope: Scope, isList: boolean): void {
    if (isFixed(cast.arg) || isTime(cast.arg, scope)) return;
    if (isList) refuseSql('only a constant or a bound value is cast to an array of dates or times');
    refuseZones(cast);
  }

  /** Charges a window definition. */
  window(fields: Fields, scope: Scope): void {
    only('WindowDef', fields, WINDOW_MEMBERS);
    const { name: _name, ...definition } = fields;
    this.#keepWindow(definition);
    this.keys.window(fields, { ...scope, outputs: [] });
    for (const offset of [fields.startOffset, fields.endOffset])
      if (offset !== undefined) this.sizeOf(offset, scope);
  }

  #keepWindow(definition: Fields): void {
    const key = JSON.stringify(definition, (name, value) => (name === 'location' ? undefined : value));
    if (!this.#windows.has(key)) this.#meter.keepRows();
    this.#windows.add(key);
  }
}
