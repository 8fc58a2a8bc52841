import { refuseSql } from './errors';
import { MAX_NUMERIC_PRECISION, NUMERIC_PRECISION } from './sql-allowed';
import { SPAN_ANSWER } from './sql-scope';
import { type Fields, fieldsOf, integerOf, isFields, listOf } from './sql-tree';

// What the server is told in place of what was written.

const STRING = (sval: string) => ({ String: { sval } });

/** Puts a query over the columns of a span in the place of the table, so that no other column has a name. */
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
 * A numeric takes any text of 131,072 digits; with a precision it takes no more than that. `trim_scale` takes away the
 * zeros which the scale has added.
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
