import { refuseSql } from './errors';

// PostgreSQL's parse tree as libpg-query returns it: every node is an object with one member, named by its type.

/** The fields of a node. */
export type Fields = Readonly<Record<string, unknown>>;

/** A node with its type. */
export interface SqlNode {
  readonly type: string;
  readonly fields: Fields;
}

/** Whether a value is an object of the tree. */
export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The type and fields of a node `{"SelectStmt": {…}}`; undefined for a struct without a type. */
export function unwrap(value: unknown): SqlNode | undefined {
  if (!isFields(value)) return undefined;
  const [type, ...rest] = Object.keys(value);
  if (type === undefined || rest.length > 0 || !/^[A-Z]/.test(type)) return undefined;
  const fields = value[type];
  return isFields(fields) ? { type, fields } : undefined;
}

/** The value if it is a list, else an empty list. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The strings of a list of String nodes, such as the parts of a qualified name; '' for any other node. */
export function namesOf(list: unknown): string[] {
  return listOf(list).map((item) => {
    const node = unwrap(item);
    return node?.type === 'String' && typeof node.fields.sval === 'string' ? node.fields.sval : '';
  });
}

/** The last part of a name that is unqualified or in pg_catalog, else undefined. */
export function builtInName(list: unknown): string | undefined {
  const names = namesOf(list);
  if (names.length === 1) return names[0];
  return names.length === 2 && names[0] === 'pg_catalog' ? names[1] : undefined;
}

/** The value of an integer constant; undefined for any other node. */
export function integerOf(value: unknown): number | undefined {
  const node = unwrap(value);
  if (node?.type !== 'A_Const' || !isFields(node.fields.ival)) return undefined;
  const { ival = 0 } = node.fields.ival;
  return typeof ival === 'number' ? ival : undefined;
}

/** The value of a string constant; undefined for any other node. */
export function textOf(value: unknown): string | undefined {
  const node = unwrap(value);
  if (node?.type !== 'A_Const' || !isFields(node.fields.sval)) return undefined;
  const { sval = '' } = node.fields.sval;
  return typeof sval === 'string' ? sval : undefined;
}

/** The fields of a node or struct. @throws SqlRefusedError for anything else */
export function fieldsOf(value: unknown): Fields {
  const fields = unwrap(value)?.fields ?? value;
  return isFields(fields) ? fields : refuseSql('a query cannot be read');
}

/** Refuses fields other than the listed ones, so that nothing unchecked is sent. @throws SqlRefusedError */
export function only(type: string, fields: Fields, members: readonly string[]): void {
  for (const name of Object.keys(fields))
    if (name !== 'location' && !members.includes(name)) refuseSql(`${type}.${name} is not allowed`);
}

/** `*` → '', `t.*` → 't'; undefined for anything else. */
export function starOf(value: unknown): string | undefined {
  const node = unwrap(value);
  if (node?.type !== 'ColumnRef') return undefined;
  const parts = listOf(node.fields.fields);
  return unwrap(parts.at(-1))?.type === 'A_Star' ? (namesOf(parts).at(-2) ?? '') : undefined;
}
