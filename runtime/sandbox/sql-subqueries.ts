import { columnIn, type Scope } from './sql-scope';
import { builtInName, type Fields, listOf, namesOf, unwrap } from './sql-tree';

/**
 * The subqueries of a WHERE that PostgreSQL is certain to make a join of (pull_up_sublinks in its prepjointree.c). The
 * answers of others may end up in a hash table that knows no `work_mem`.
 */
export function joinedSubqueries(where: unknown, scope: Scope): Fields[] {
  const { type, fields } = unwrap(where) ?? { type: '', fields: {} };
  if (type === 'BoolExpr' && fields.boolop === 'AND_EXPR')
    return listOf(fields.args).flatMap((item) => joinedSubqueries(item, scope));
  if (type === 'BoolExpr' && fields.boolop === 'NOT_EXPR') {
    const negated = unwrap(listOf(fields.args)[0]);
    return negated?.type === 'SubLink' && isJoinedExists(negated.fields) ? [negated.fields] : [];
  }
  if (type !== 'SubLink') return [];
  return isJoinedExists(fields) || isJoinedList(fields, scope) ? [fields] : [];
}

function isJoinedExists({ subLinkType, subselect }: Fields): boolean {
  return subLinkType === 'EXISTS_SUBLINK' && unwrap(subselect)?.fields.withClause === undefined;
}

function isJoinedList({ subLinkType, testexpr, operName }: Fields, scope: Scope): boolean {
  if (subLinkType !== 'ANY_SUBLINK') return false;
  if (operName !== undefined && builtInName(operName) !== '=') return false;
  const test = unwrap(testexpr);
  const compared = test?.type === 'RowExpr' ? listOf(test.fields.args) : [testexpr];
  return compared.every((item) => isOwnColumn(item, scope));
}

/** Whether a value is a column of this query's own FROM. */
function isOwnColumn(value: unknown, scope: Scope): boolean {
  const node = unwrap(value);
  return (
    node?.type === 'ColumnRef' &&
    columnIn({ ...scope, outer: undefined }, namesOf(node.fields.fields).slice(-2)) !== undefined
  );
}
