import { refuseSql } from './errors';
import { MAX_NUMERIC_PRECISION, NUMERIC_PRECISION } from './sql-allowed';
import { SPAN_ANSWER } from './sql-scope';
import { type Fields, fieldsOf, integerOf, isFields, listOf, namesOf, unwrap } from './sql-tree';

// Changes to the parse tree before it is printed for the server.

const STRING = (sval: string) => ({ String: { sval } });

/** Replaces the table by a subquery over the columns of a span, so that no other column can be named. */
export function showSpansOnly(item: unknown): void {
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
 * Gives a cast to numeric a precision, without which it accepts 131,072 digits. `trim_scale` removes the zeros that the
 * scale adds.
 * @throws SqlRefusedError for a precision above {@link MAX_NUMERIC_PRECISION}
 */
export function boundNumeric(value: unknown, fields: Fields, typeName: Fields, isList: boolean): void {
  const given = listOf(typeName.typmods);
  if (given.length > 0) {
    const digits = integerOf(given[0]) ?? Number.POSITIVE_INFINITY;
    const scale = given.length === 1 ? 0 : (integerOf(given[1]) ?? -1);
    if (digits > MAX_NUMERIC_PRECISION) refuseSql(`numeric has at most ${MAX_NUMERIC_PRECISION} digits here`);
    // PostgreSQL takes scales from -1000 to 1000, which make numbers of 1,000 digits.
    if (scale < 0 || scale > digits) refuseSql('the scale of numeric is from 0 to its precision here');
    // Each element is printed with all digits of the scale.
    if (isList && scale > NUMERIC_PRECISION.scale)
      refuseSql(`the scale of a list of numeric is at most ${NUMERIC_PRECISION.scale} here`);
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

/** Names a column of a select list. */
export function nameTarget(target: Fields, name: string): void {
  const writable = target as Record<string, unknown>;
  writable.name = name;
}

/** Takes the schema from the name of a column: the table is rewritten to a subquery, which has none. */
export function dropSchema(column: unknown): void {
  const { fields } = fieldsOf(column);
  if (Array.isArray(fields) && fields.length === 3 && namesOf(fields)[0] === 'ledger') fields.shift();
}

/** Replaces `substring`, which takes regular expressions, too, by `substr`, which does not. */
export function cutByNumber(call: Fields): void {
  const writable = call as Record<string, unknown>;
  writable.funcname = [STRING('substr')];
  writable.funcformat = 'COERCE_EXPLICIT_CALL';
}

/**
 * Writes `x = ANY (SELECT …)` as `coalesce(NOT (x <> ALL (SELECT …)))`, which means the same. PostgreSQL may hash the
 * answer of the former, in as much memory as it takes; that of the latter it keeps in a file. The printer loses the
 * brackets of a NOT before IS NULL, but not those of coalesce.
 */
export function compareOneByOne(subLink: unknown): void {
  const holder = subLink as Record<string, unknown>;
  const { testexpr, subselect } = fieldsOf(holder.SubLink);
  delete holder.SubLink;
  const all = { subLinkType: 'ALL_SUBLINK', testexpr, operName: [STRING('<>')], subselect };
  holder.CoalesceExpr = { args: [{ BoolExpr: { boolop: 'NOT_EXPR', args: [{ SubLink: all }] } }] };
}

/** Makes PostgreSQL evaluate an EXISTS for each row, instead of hashing its answer in as much memory as it takes. */
export function lookUpEachTime(subselect: unknown): void {
  const query = unwrap(subselect)?.fields as Record<string, unknown> | undefined;
  if (query === undefined || query.limitOffset !== undefined) return;
  query.limitOffset = { A_Const: { ival: {} } };
  query.limitOption = 'LIMIT_OPTION_COUNT';
}
