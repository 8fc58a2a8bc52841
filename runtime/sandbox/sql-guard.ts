import { LogLineError } from '../base/errors';
import {
  ALLOWED_FUNCTIONS,
  ALLOWED_NODES,
  ALLOWED_RELATIONS,
  ALLOWED_TYPES,
  BARE_FIELDS,
  NODE_NAMES,
  REFUSED_COLUMNS,
} from './sql-allowed';

/** 400: SQL of user code that is not one harmless query. The message says what was found and what is allowed. */
export class SqlRefusedError extends LogLineError {
  readonly code = 'sql_refused';
  readonly status = 400;
  readonly title = 'The SQL is refused';
}

const MAX_BYTES = 20_000;
/** Bounds the parse tree, which is what parsing and walking cost: 1,500 tokens take about 15 ms. */
const MAX_TOKENS = 1_500;
const MAX_PARAMETERS = 500;
/** Texts found harmless, so that a query in a loop is parsed once. */
const MAX_CACHED = 500;
const MAX_CACHED_LENGTH = 4_000;

const accepted = new Map<string, number>();

/**
 * Lets pass one SELECT (or WITH … SELECT, VALUES, TABLE) over `ledger.universal_registry` and
 * `ledger.visible_timeline`, and refuses everything else. The text is read by PostgreSQL's own parser and
 * the whole tree is walked; a node, function, relation or type that is not on a list is refused.
 *
 * Why: user code runs on a session whose identity is a setting. Row-level security holds only as long as
 * the code cannot change that setting (`set_config`) or leave the transaction that carries it.
 *
 * @param parameterCount how many values are bound; `$n` beyond it is refused. Defaults to the upper bound, 500.
 * @throws SqlRefusedError
 */
export async function checkSql(text: string, parameterCount = MAX_PARAMETERS): Promise<void> {
  if (parameterCount > MAX_PARAMETERS) refuse(`it binds more than ${MAX_PARAMETERS} values`);
  let highest = accepted.get(text);
  if (highest === undefined) {
    highest = new QueryCheck(await parse(text)).highestParameter;
    remember(text, highest);
  }
  if (highest > parameterCount) refuse(`it refers to $${highest} but ${parameterCount} values are bound`);
}

function refuse(detail: string): never {
  throw new SqlRefusedError(`ctx.sql: ${detail}`);
}

function remember(text: string, highest: number): void {
  if (text.length > MAX_CACHED_LENGTH) return;
  const oldest = accepted.size >= MAX_CACHED ? accepted.keys().next().value : undefined;
  if (oldest !== undefined) accepted.delete(oldest);
  accepted.set(text, highest);
}

async function parse(text: string): Promise<unknown> {
  if (typeof text !== 'string') refuse('the SQL is not text');
  if (text.length > MAX_BYTES || Buffer.byteLength(text) > MAX_BYTES)
    refuse(`it is longer than ${MAX_BYTES} bytes`);
  // The parser and the protocol end a string at U+0000; the two must never read different texts.
  if (text.includes('\0') || !text.isWellFormed()) refuse('it contains U+0000 or half a character');
  if ((text.match(/[\w$]+|[^\s\w$]/g)?.length ?? 0) > MAX_TOKENS)
    refuse(`it has more than ${MAX_TOKENS} words and signs`);
  if (text.trim() === '') refuse('it is empty');
  // Loaded on first use: its WASM costs a cold start what most invocations never need.
  const parser = await import('libpg-query');
  await parser.loadModule();
  try {
    return parser.parseSync(text);
  } catch (error) {
    return refuse(error instanceof Error ? error.message : 'it cannot be parsed');
  }
}

type Fields = Readonly<Record<string, unknown>>;
type Scope = ReadonlySet<string>;

interface Visit {
  type: string;
  fields: Fields;
  /** Names of the common table expressions that an unqualified relation may mean here. */
  scope: Scope;
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `{"SelectStmt": {…}}` → its type and fields; undefined for a struct that does not name its type. */
function unwrap(value: Fields): { type: string; fields: Fields } | undefined {
  const [type, ...rest] = Object.keys(value);
  if (type === undefined || rest.length > 0 || !/^[A-Z]/.test(type)) return undefined;
  const fields = value[type];
  return isFields(fields) ? { type, fields } : undefined;
}

/** The strings of a list of String nodes, such as the parts of a qualified name. */
function namesOf(list: unknown): string[] {
  if (!Array.isArray(list)) return [];
  return list.map((item) => {
    const node = isFields(item) ? unwrap(item) : undefined;
    return node?.type === 'String' && typeof node.fields.sval === 'string' ? node.fields.sval : '';
  });
}

/** The last part of a name that is unqualified or in pg_catalog; undefined for any other. */
function builtInName(list: unknown): string | undefined {
  const names = namesOf(list);
  if (names.length === 1) return names[0];
  return names.length === 2 && names[0] === 'pg_catalog' ? names[1] : undefined;
}

/** One walk over one parse tree, without recursion. */
class QueryCheck {
  highestParameter = 0;
  readonly #open: Visit[] = [];

  constructor(tree: unknown) {
    const statements = isFields(tree) && Array.isArray(tree.stmts) ? tree.stmts : [];
    if (statements.length === 0) refuse('it contains no statement');
    if (statements.length > 1) refuse('it contains more than one statement; only one SELECT is allowed');
    const root =
      isFields(statements[0]) && isFields(statements[0].stmt) ? unwrap(statements[0].stmt) : undefined;
    this.#open.push({ ...(root ?? refuse('it cannot be read')), scope: new Set() });
    for (let visit = this.#open.pop(); visit !== undefined; visit = this.#open.pop()) this.#visit(visit);
  }

  #visit({ type, fields, scope }: Visit): void {
    if (!ALLOWED_NODES.has(type)) {
      const name = NODE_NAMES.get(type) ?? type;
      refuse(
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
        if (builtInName(fields.name) === undefined) refuse('operators of another schema are not allowed');
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

  /** A query may use its own common table expressions; each of those the ones before it, or all if RECURSIVE. */
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
      if (Array.isArray(value)) refuse(`${name} cannot be read`);
      return;
    }
    // The parser writes an absent member of a list as {}.
    if (Object.keys(value).length === 0) return;
    const node = unwrap(value);
    const type = node?.type ?? BARE_FIELDS.get(name) ?? refuse(`${name} is not allowed`);
    this.#open.push({ type, fields: node?.fields ?? value, scope });
  }
}

function checkRelation(fields: Fields, scope: Scope): void {
  const name = String(fields.relname ?? '');
  if (fields.catalogname !== undefined) refuse('a relation of another database is not allowed');
  if (fields.schemaname === undefined && scope.has(name)) return;
  if (fields.schemaname === 'ledger' && ALLOWED_RELATIONS.has(name)) return;
  const full = fields.schemaname === undefined ? name : `${String(fields.schemaname)}.${name}`;
  const allowed = [...ALLOWED_RELATIONS].map((relation) => `ledger.${relation}`).join(' and ');
  refuse(
    `relation ${full} is not allowed; allowed are ${allowed}, with the schema, and the query's own WITH names`,
  );
}

function checkFunction(fields: Fields): void {
  const name = builtInName(fields.funcname);
  if (name !== undefined && ALLOWED_FUNCTIONS.has(name)) return;
  const full = namesOf(fields.funcname).join('.');
  refuse(
    `function ${full} is not allowed; allowed are aggregates, window functions and the usual text, number, ` +
      'date, JSON and array functions, none of which reads settings, catalogues or files',
  );
}

function checkType(fields: Fields): void {
  const name = builtInName(fields.names);
  const isPlain = fields.setof === undefined && fields.pct_type === undefined;
  if (name !== undefined && isPlain && ALLOWED_TYPES.has(name)) return;
  refuse(
    `type ${namesOf(fields.names).join('.')} is not allowed; allowed are ${[...ALLOWED_TYPES].join(', ')}`,
  );
}

function checkColumn(fields: Fields): void {
  const column = namesOf(fields.fields).at(-1) ?? '';
  if (REFUSED_COLUMNS.has(column)) refuse(`system column ${column} is not allowed`);
}
