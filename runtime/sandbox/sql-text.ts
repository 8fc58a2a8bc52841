import { refuseSql } from './errors';
import { STRUCTURED_COLUMNS, TEXT_FUNCTIONS, WHOLE_FUNCTIONS, WHOLE_TYPES } from './sql-allowed';
import { type Column, columnIn, type Scope, SPAN_ANSWER } from './sql-scope';
import { isTime } from './sql-times';
import { builtInName, fieldsOf, integerOf, listOf, namesOf, unwrap } from './sql-tree';

/** What is known of a value's type. */
export function kindOf(
  value: unknown,
  scope: Scope,
): Pick<Column, 'isText' | 'isWhole' | 'isArray' | 'isTime' | 'isStored'> {
  return {
    isText: isText(value, scope),
    isWhole: isWhole(value, scope),
    isArray: isArrayValue(value, scope),
    isTime: isTime(value, scope),
    isStored: isStored(value, scope),
  };
}

/** Whether a value is a column of the table. */
export function isStored(value: unknown, scope: Scope): boolean {
  const node = unwrap(value);
  return (
    node?.type === 'ColumnRef' && columnIn(scope, namesOf(node.fields.fields).slice(-2))?.isStored === true
  );
}

/** Whether a value is known to be an int: PostgreSQL refuses one that becomes too long. */
export function isWhole(value: unknown, scope: Scope): boolean {
  const { type, fields } = unwrap(value) ?? refuseSql('it cannot be read');
  if (type === 'A_Const') return integerOf(value) !== undefined;
  if (type === 'ColumnRef') return columnIn(scope, namesOf(fields.fields).slice(-2))?.isWhole === true;
  if (type === 'FuncCall') return WHOLE_FUNCTIONS.has(builtInName(fields.funcname) ?? '');
  if (type === 'TypeCast') {
    const { names, arrayBounds } = fieldsOf(fields.typeName);
    return WHOLE_TYPES.has(builtInName(names) ?? '') && listOf(arrayBounds).length === 0;
  }
  if (type !== 'A_Expr' || fields.kind !== 'AEXPR_OP') return false;
  const sides = [fields.lexpr, fields.rexpr].filter((side) => side !== undefined);
  return /^[-+*/%]$/.test(builtInName(fields.name) ?? '') && sides.every((side) => isWhole(side, scope));
}

/** Whether a value is known to be an array. */
export function isArrayValue(value: unknown, scope: Scope): boolean {
  const { type, fields } = unwrap(value) ?? refuseSql('it cannot be read');
  if (type === 'ColumnRef') return columnIn(scope, namesOf(fields.fields).slice(-2))?.isArray === true;
  if (type === 'TypeCast') return listOf(fieldsOf(fields.typeName).arrayBounds).length > 0;
  return type === 'A_ArrayExpr';
}

/** Whether a value is known to be of type text, so that reading it serialises nothing. */
export function isText(value: unknown, scope: Scope): boolean {
  const { type, fields } = unwrap(value) ?? refuseSql('it cannot be read');
  if (type === 'ColumnRef') return columnIn(scope, namesOf(fields.fields).slice(-2))?.isText === true;
  if (type === 'FuncCall') return TEXT_FUNCTIONS.has(builtInName(fields.funcname) ?? '');
  if (type === 'TypeCast') {
    const { names, arrayBounds } = fieldsOf(fields.typeName);
    return /^(text|varchar)$/.test(builtInName(names) ?? '') && listOf(arrayBounds).length === 0;
  }
  if (type === 'CoalesceExpr') return listOf(fields.args).some((item) => isText(item, scope));
  if (type !== 'A_Expr' || fields.kind !== 'AEXPR_OP') return false;
  const name = builtInName(fields.name);
  if (name === '->>' || name === '#>>') return true;
  return name === '||' && [fields.lexpr, fields.rexpr].some((side) => isText(side, scope));
}

/** Whether returning a value may require serialising JSON or an array. */
export function isStructured(value: unknown): boolean {
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
