import { refuseSql } from './errors';
import { MAX_NUMERIC_PRECISION, NUMERIC_PRECISION } from './sql-allowed';
import { SPAN_ANSWER } from './sql-scope';
import { type Fields, fieldsOf, integerOf, isFields, listOf } from './sql-tree';

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
