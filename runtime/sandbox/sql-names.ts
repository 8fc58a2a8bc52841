import { listOf, namesOf, unwrap } from './sql-tree';

/** Output columns of functions that name them; those of others have the name of the alias or of the function. */
export const FUNCTION_COLUMNS: ReadonlyMap<string, readonly string[]> = new Map([
  ['jsonb_each', ['key', 'value']],
  ['jsonb_each_text', ['key', 'value']],
  ['jsonb_array_elements', ['value']],
  ['jsonb_array_elements_text', ['value']],
]);

const UNNAMED = '?column?';

/**
 * The name that PostgreSQL gives a column without an alias (FigureColname in its parse_target.c); '' when it is not known
 * here.
 */
export function impliedName(value: unknown): string {
  return figure(value)?.name ?? UNNAMED;
}

/** A weak name, of a type or of CASE, gives way to that of a part. */
interface Figured {
  readonly name: string;
  readonly isWeak?: true;
}

function figure(value: unknown): Figured | undefined {
  const { type, fields } = unwrap(value) ?? { type: '', fields: {} };
  switch (type) {
    case 'ColumnRef':
      return { name: namesOf(fields.fields).at(-1) ?? '' };
    case 'FuncCall':
      return { name: namesOf(fields.funcname).at(-1) ?? '' };
    case 'A_Expr':
      return fields.kind === 'AEXPR_NULLIF' ? { name: 'nullif' } : undefined;
    case 'TypeCast':
      return strong(fields.arg) ?? { name: typeOf(fields.typeName), isWeak: true };
    case 'CaseExpr':
      return strong(fields.defresult) ?? { name: 'case', isWeak: true };
    case 'A_Indirection':
    case 'CollateClause':
      return figure(fields.arg);
    case 'SubLink':
      return figureSubquery(fields.subLinkType, fields.subselect);
    case 'SQLValueFunction':
      // CURRENT_TIME_N is current_time.
      return {
        name: String(fields.op)
          .replace(/^SVFOP_|_N$/g, '')
          .toLowerCase(),
      };
    case 'MinMaxExpr':
      return { name: fields.op === 'IS_LEAST' ? 'least' : 'greatest' };
    default:
      return OWN_NAMES.get(type);
  }
}

const OWN_NAMES: ReadonlyMap<string, Figured> = new Map([
  ['CoalesceExpr', { name: 'coalesce' }],
  ['A_ArrayExpr', { name: 'array' }],
  ['RowExpr', { name: 'row' }],
]);

function strong(value: unknown): Figured | undefined {
  const figured = figure(value);
  return figured?.isWeak === true ? undefined : figured;
}

function typeOf(typeName: unknown): string {
  const names = (unwrap(typeName)?.fields ?? typeName) as { readonly names?: unknown };
  return namesOf(names?.names).at(-1) ?? '';
}

function figureSubquery(kind: unknown, subselect: unknown): Figured | undefined {
  if (kind === 'EXISTS_SUBLINK') return { name: 'exists' };
  if (kind !== 'EXPR_SUBLINK') return undefined;
  // The name of its only column; '' for the column of a *.
  const query = unwrap(subselect)?.fields ?? {};
  const target = unwrap(listOf(query.targetList)[0])?.fields;
  if (target === undefined) return { name: '' };
  return { name: typeof target.name === 'string' ? target.name : impliedName(target.val) };
}
