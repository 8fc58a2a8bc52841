import { refuseSql } from './errors';
import {
  ALLOWED_FUNCTIONS,
  ALLOWED_NODES,
  ALLOWED_RELATIONS,
  ALLOWED_TYPES,
  BARE_FIELDS,
  NODE_NAMES,
  REFUSED_COLUMNS,
} from './sql-allowed';
import { CostCheck } from './sql-check';
import { type BoundSizes, valuesInText, writtenBytes } from './sql-constants';
import { printStatement, type SqlTools } from './sql-print';
import { mayNameZone } from './sql-times';
import { builtInName, type Fields, isFields, namesOf, unwrap } from './sql-tree';

const MAX_BYTES = 20_000;
/** Bounds the parse tree and so the time to parse and check it: 1,500 tokens take about 15 ms. */
const MAX_TOKENS = 1_500;
const MAX_PARAMETERS = 500;
/** Most bytes of one bound value as text, and of all together. */
const MAX_VALUE_BYTES = 64 * 1024;
const MAX_VALUES_BYTES = 256 * 1024;
/** Most accepted statements kept, so that a query in a loop is parsed once. */
const MAX_CACHED = 200;
const MAX_CACHED_LENGTH = 4_000;

/** A checked statement of user code. */
export interface CheckedSql {
  /** The statement for the server, printed from the checked tree. */
  readonly text: string;
  /** Maps a position in {@link text} to one in the original text; both count characters from 1. Undefined if unknown. */
  position(printed: number): number | undefined;
  /** Whether the session may keep memory for it afterwards, so that it is not used again. */
  readonly leavesTraces: boolean;
  /** Whether the statement was parsed now rather than found in the cache. */
  readonly isNew: boolean;
}

interface Accepted extends Omit<CheckedSql, 'isNew'> {
  readonly highestParameter: number;
}

const accepted = new Map<string, Accepted>();

/**
 * Accepts a single SELECT (or WITH … SELECT, VALUES, TABLE) over `ledger.universal_registry` and
 * `ledger.visible_timeline`, and refuses everything else. PostgreSQL's own parser reads the text and the whole tree is
 * walked; nodes, functions, operators, relations and types that are not on a list are refused, as are statements that
 * could keep PostgreSQL busy for too long with one row (sql-check.ts).
 *
 * This is a security boundary: user code runs on a session whose identity is a setting, so row-level security holds only
 * as long as the code cannot change that setting (`set_config`) or leave its transaction.
 *
 * @param values bound to `$1`, `$2`, …, as text; null for NULL
 * @throws SqlRefusedError
 */
export async function checkSql(text: string, values: readonly (string | null)[] = []): Promise<CheckedSql> {
  if (values.length > MAX_PARAMETERS) refuseSql(`it binds more than ${MAX_PARAMETERS} values`);
  const bound = boundSizes(values);
  const key = `${bound.map(({ bytes, written, values: count }) => `${bytes}.${written}.${count}`).join(' ')}\n${text}`;
  const known = accepted.get(key);
  const statement = known ?? (await check(text, bound));
  if (known === undefined) remember(key, statement);
  const { highestParameter } = statement;
  if (highestParameter > values.length)
    refuseSql(`it refers to $${highestParameter} but ${values.length} values are bound`);
  const leavesTraces = statement.leavesTraces || values.some((value) => value !== null && mayNameZone(value));
  return { text: statement.text, position: statement.position, leavesTraces, isNew: known === undefined };
}

/** Sizes rounded up to powers of two, so that a statement with other values is found in the cache. */
function boundSizes(values: readonly (string | null)[]): BoundSizes {
  const sizes = values.map((value) => Buffer.byteLength(value ?? ''));
  if (sizes.some((bytes) => bytes > MAX_VALUE_BYTES))
    refuseSql(`a bound value is longer than ${MAX_VALUE_BYTES} bytes`);
  if (sizes.reduce((total, bytes) => total + bytes, 0) > MAX_VALUES_BYTES)
    refuseSql(`the bound values are longer than ${MAX_VALUES_BYTES} bytes together`);
  return values.map((value, index) => ({
    bytes: powerOfTwo(sizes[index] ?? 0),
    written: powerOfTwo(writtenBytes(value ?? '')),
    values: powerOfTwo(valuesInText(value ?? '')),
  }));
}

function powerOfTwo(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, count)));
}

async function check(text: string, bound: BoundSizes): Promise<Accepted> {
  checkText(text);
  const tools = await loadTools();
  const tree = tools.parse(text);
  const { highestParameter, statement } = new QueryCheck(tree);
  const cost = new CostCheck(bound);
  cost.checkStatement(statement);
  return { ...printStatement(text, statement, tools), leavesTraces: cost.leavesTraces, highestParameter };
}

function remember(key: string, statement: Accepted): void {
  if (key.length > MAX_CACHED_LENGTH) return;
  const oldest = accepted.size >= MAX_CACHED ? accepted.keys().next().value : undefined;
  if (oldest !== undefined) accepted.delete(oldest);
  accepted.set(key, statement);
}

function checkText(text: string): void {
  if (typeof text !== 'string') refuseSql('the SQL is not text');
  if (text.length > MAX_BYTES || Buffer.byteLength(text) > MAX_BYTES)
    refuseSql(`it is longer than ${MAX_BYTES} bytes`);
  // The parser and the protocol end a string at U+0000, so they could read different texts.
  if (text.includes('\0') || !text.isWellFormed()) refuseSql('it contains U+0000 or half a character');
  if ((text.match(/[\w$]+|[^\s\w$]/g)?.length ?? 0) > MAX_TOKENS)
    refuseSql(`it has more than ${MAX_TOKENS} words and signs`);
  if (text.trim() === '') refuseSql('it is empty');
}

/** Loads parser and printer on first use, since most cold starts do not need them. */
async function loadTools(): Promise<SqlTools> {
  const [parser, printer] = await Promise.all([import('libpg-query'), import('pgsql-deparser')]);
  await parser.loadModule();
  return {
    parse(text) {
      try {
        return parser.parseSync(text);
      } catch (error) {
        return refuseSql(error instanceof Error ? error.message : 'it cannot be parsed');
      }
    },
    // The tree is PostgreSQL's own; the printer's types for it are stricter.
    print: (tree) => printer.deparseSync(tree as Parameters<typeof printer.deparseSync>[0]),
  };
}

type Scope = ReadonlySet<string>;

interface Visit {
  type: string;
  fields: Fields;
  /** Names of the common table expressions that an unqualified relation may mean here. */
  scope: Scope;
}

/** Walks one parse tree without recursion. The constructor throws SqlRefusedError. */
class QueryCheck {
  highestParameter = 0;
  /** Fields of the only statement. */
  readonly statement: Fields;
  readonly #open: Visit[] = [];

  constructor(tree: unknown) {
    const statements = isFields(tree) && Array.isArray(tree.stmts) ? tree.stmts : [];
    if (statements.length === 0) refuseSql('it contains no statement');
    if (statements.length > 1) refuseSql('it contains more than one statement; only one SELECT is allowed');
    const root =
      isFields(statements[0]) && isFields(statements[0].stmt) ? unwrap(statements[0].stmt) : undefined;
    const { type, fields } = root ?? refuseSql('it cannot be read');
    this.statement = fields;
    this.#open.push({ type, fields, scope: new Set() });
    for (let visit = this.#open.pop(); visit !== undefined; visit = this.#open.pop()) this.#visit(visit);
  }

  #visit({ type, fields, scope }: Visit): void {
    if (!ALLOWED_NODES.has(type)) {
      const name = NODE_NAMES.get(type) ?? type;
      refuseSql(
        `${name} is not allowed; only SELECT, WITH … SELECT and VALUES are, without locks or side effects`,
      );
    }
    switch (type) {
      case 'A_Const':
        return;
      case 'SelectStmt':
        this.#visitSelect(fields, scope);
        return;
      case 'RangeVar':
        checkRelation(fields, scope);
        break;
      case 'FuncCall':
        checkFunction(fields);
        break;
      case 'TypeName':
        checkType(fields);
        break;
      case 'A_Expr':
        if (builtInName(fields.name) === undefined) refuseSql('operators of another schema are not allowed');
        break;
      case 'ColumnRef':
        checkColumn(fields);
        break;
      case 'ParamRef':
        this.highestParameter = Math.max(this.highestParameter, Number(fields.number ?? 0));
        break;
    }
    this.#openAll(fields, scope);
  }

  /** A query may refer to its own CTEs; each CTE to the ones before it, or to all if RECURSIVE. */
  #visitSelect(fields: Fields, outer: Scope): void {
    const { withClause, ...body } = fields;
    let scope = outer;
    if (isFields(withClause)) {
      const ctes = Array.isArray(withClause.ctes) ? withClause.ctes.filter(isFields) : [];
      const named = ctes.map((cte) => ({ cte, name: String(unwrap(cte)?.fields.ctename ?? '') }));
      if (withClause.recursive === true) scope = new Set([...outer, ...named.map(({ name }) => name)]);
      for (const { cte, name } of named) {
        this.#openValue('ctes', cte, scope);
        if (withClause.recursive !== true) scope = new Set([...scope, name]);
      }
    }
    this.#openAll(body, scope);
  }

  #openAll(fields: Fields, scope: Scope): void {
    for (const [name, value] of Object.entries(fields)) {
      for (const item of Array.isArray(value) ? value : [value]) this.#openValue(name, item, scope);
    }
  }

  #openValue(name: string, value: unknown, scope: Scope): void {
    if (!isFields(value)) {
      if (Array.isArray(value)) refuseSql(`${name} cannot be read`);
      return;
    }
    // The parser writes an absent member of a list as {}.
    if (Object.keys(value).length === 0) return;
    const node = unwrap(value);
    const type = node?.type ?? BARE_FIELDS.get(name) ?? refuseSql(`${name} is not allowed`);
    this.#open.push({ type, fields: node?.fields ?? value, scope });
  }
}

function checkRelation(fields: Fields, scope: Scope): void {
  const name = String(fields.relname ?? '');
  if (fields.catalogname !== undefined) refuseSql('a relation of another database is not allowed');
  if (fields.schemaname === undefined && scope.has(name)) return;
  if (fields.schemaname === 'ledger' && ALLOWED_RELATIONS.has(name)) return;
  const full = fields.schemaname === undefined ? name : `${String(fields.schemaname)}.${name}`;
  const allowed = [...ALLOWED_RELATIONS].map((relation) => `ledger.${relation}`).join(' and ');
  refuseSql(
    `relation ${full} is not allowed; allowed are ${allowed}, with the schema, and the query's own WITH names`,
  );
}

function checkFunction(fields: Fields): void {
  const name = builtInName(fields.funcname);
  if (name !== undefined && ALLOWED_FUNCTIONS.has(name)) return;
  const full = namesOf(fields.funcname).join('.');
  refuseSql(
    `function ${full} is not allowed; allowed are aggregates, window functions and the usual text, number, ` +
      'date, JSON and array functions, none of which reads settings, catalogues or files',
  );
}

function checkType(fields: Fields): void {
  const name = builtInName(fields.names);
  const isPlain = fields.setof === undefined && fields.pct_type === undefined;
  if (name !== undefined && isPlain && ALLOWED_TYPES.has(name)) return;
  refuseSql(
    `type ${namesOf(fields.names).join('.')} is not allowed; allowed are ${[...ALLOWED_TYPES.keys()].join(', ')}`,
  );
}

function checkColumn(fields: Fields): void {
  const column = namesOf(fields.fields).at(-1) ?? '';
  if (REFUSED_COLUMNS.has(column)) refuseSql(`system column ${column} is not allowed`);
}
