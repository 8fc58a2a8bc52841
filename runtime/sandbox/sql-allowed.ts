// The allow-list for SQL of user code, with the cost of each item. Everything else is refused.
//
// PostgreSQL checks for interrupts between rows only, so a statement timeout cannot end the evaluation of one row. Prices
// are milliseconds per MiB of input, measured on PostgreSQL 17 with the worst input found (`npm run bench -- user-sql`
// measures them); sql-check.ts adds them up.

/** Relations of the schema `ledger`; both are under row-level security. */
export const ALLOWED_RELATIONS: ReadonlySet<string> = new Set(['universal_registry', 'visible_timeline']);

/** System columns, which reveal other tenants' transactions. */
export const REFUSED_COLUMNS: ReadonlySet<string> = new Set([
  'ctid',
  'xmin',
  'xmax',
  'cmin',
  'cmax',
  'tableoid',
]);

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word.length > 0);

/** Longest evaluation of one row with the worst possible content. */
export const MAX_ROW_MS = 100;

/** Most bytes of a whole span. */
export const SPAN_BYTES = 1024 * 1024;

/** Most bytes of a number, timestamp, boolean or hash. */
export const SMALL_BYTES = 128;

/** The columns of a span with their largest size in bytes; other columns of the table are not available. */
export const SPAN_COLUMNS: ReadonlyMap<string, number> = new Map([
  ...words('id seq').map((name): [string, number] => [name, SMALL_BYTES]),
  ...words('entity_type who did this').map((name): [string, number] => [name, SPAN_BYTES]),
  ['at', SMALL_BYTES],
  ['parent_id', SMALL_BYTES],
  ['related_to', SPAN_BYTES],
  ...words('owner_id tenant_id').map((name): [string, number] => [name, SPAN_BYTES]),
  ['visibility', SMALL_BYTES],
  ['status', SPAN_BYTES],
  ['is_deleted', SMALL_BYTES],
  ...words('name description code language runtime input output error metadata').map(
    (name): [string, number] => [name, SPAN_BYTES],
  ),
  ['duration_ms', SMALL_BYTES],
  ['trace_id', SPAN_BYTES],
  ...words('prev_hash curr_hash signature public_key').map((name): [string, number] => [name, SMALL_BYTES]),
]);

/** Functions that return text. */
export const TEXT_FUNCTIONS: ReadonlySet<string> = new Set(
  words('lower upper left right substr substring btrim ltrim rtrim split_part concat concat_ws md5 to_char'),
);

/** Functions that return an int of fixed length. */
export const WHOLE_FUNCTIONS: ReadonlySet<string> = new Set(
  words(`count row_number rank dense_rank ntile length char_length character_length octet_length strpos position
    jsonb_array_length array_length cardinality array_position num_nulls num_nonnulls`),
);

/** Types of integers of fixed length. */
export const WHOLE_TYPES: ReadonlySet<string> = new Set(words('int2 int4 int8 int bigint smallint integer'));

/** Types of dates and times, whose texts may name a time zone. */
export const TIME_TYPES: ReadonlySet<string> = new Set(words('date time timetz timestamp timestamptz'));

/** Functions that return a date, time or interval. */
export const TIME_FUNCTIONS: ReadonlySet<string> = new Set(
  words(`now transaction_timestamp statement_timestamp clock_timestamp date_trunc date_bin age date_add date_subtract
    make_date make_time make_timestamp make_timestamptz make_interval timezone to_date to_timestamp
    uuid_extract_timestamp`),
);

/** Columns that are serialised to text when they are returned: JSON and arrays. */
export const STRUCTURED_COLUMNS: ReadonlySet<string> = new Set(
  words('input output error metadata related_to'),
);

/**
 * Upper bound of a function's result. `small`: a number, timestamp or word. `args`: the sum of its arguments. `more`: that
 * and a small value. `double`: twice the sum. `joined`: twice the sum with the first argument between all others. `cut`:
 * its last argument in characters, if that is a constant. `number`: a number computed from the arguments. `picked`: the
 * size of the argument, taken from any row. `spelled`: a format with its words spelled out.
 */
export type ResultSize =
  | 'small'
  | 'args'
  | 'more'
  | 'double'
  | 'joined'
  | 'cut'
  | 'number'
  | 'picked'
  | 'spelled';

/** Cost and result of a function. */
export interface FunctionRule {
  /** Milliseconds per MiB of all arguments. */
  readonly price: number;
  readonly result: ResultSize;
  /** Index of the argument that is searched for in the first one; see NEEDLE_PRICE. */
  readonly needle?: number;
  /** Accepts small arguments only: steps, parts of dates, time zones. */
  readonly smallOnly?: boolean;
  /** Squares its argument; see PRODUCT_PRICE. */
  readonly squares?: boolean;
  /** Index of the argument that says how many digits a number keeps: a small constant. */
  readonly digits?: number;
  /** Index of the argument that is a time zone: a constant or a bound value. */
  readonly zone?: number;
  /** Takes a fraction, of which PostgreSQL accepts an array, too. */
  readonly fraction?: boolean;
}

const rules = (names: string, rule: FunctionRule): [string, FunctionRule][] =>
  words(names).map((name) => [name, rule]);

/**
 * Functions without side effects that depend only on their arguments and the clock. Deliberately missing: functions that
 * read settings, catalogues, files or transactions, take locks, sleep, or run SQL given as text; those that make a large
 * value from a small one (`repeat`, `lpad`, `format`, `replace`) or from many rows (`string_agg`, `array_agg`,
 * `jsonb_agg`: user code has arrays of its own); and those that take more than one pass over their input (`translate`,
 * regular expressions, jsonpath, full-text search).
 */
export const ALLOWED_FUNCTIONS: ReadonlyMap<string, FunctionRule> = new Map([
  ...rules('count', { price: 2, result: 'small' }),
  ...rules('sum avg', { price: 10, result: 'number' }),
  ...rules('min max', { price: 40, result: 'picked' }),
  ...rules('any_value lag lead first_value last_value nth_value', { price: 10, result: 'picked' }),
  ...rules('percentile_cont percentile_disc', { price: 40, result: 'picked', fraction: true }),
  ...rules('bool_and bool_or every', { price: 2, result: 'small' }),
  ...rules('stddev stddev_pop stddev_samp variance var_pop var_samp', {
    price: 10,
    result: 'number',
    squares: true,
  }),
  ...rules('row_number rank dense_rank percent_rank cume_dist ntile', { price: 2, result: 'small' }),
  ...rules('length char_length character_length octet_length', { price: 12, result: 'small' }),
  ...rules('lower upper', { price: 25, result: 'double' }),
  ...rules('left right substr substring', { price: 12, result: 'cut' }),
  ...rules('btrim ltrim rtrim', { price: 18, result: 'args', needle: 1 }),
  ...rules('starts_with', { price: 5, result: 'small' }),
  ...rules('strpos position', { price: 15, result: 'small', needle: 1 }),
  ...rules('split_part', { price: 15, result: 'args', needle: 1 }),
  ...rules('concat', { price: 20, result: 'double' }),
  ...rules('concat_ws', { price: 20, result: 'joined' }),
  ...rules('md5', { price: 10, result: 'small' }),
  ...rules('to_char', { price: 1, result: 'spelled', smallOnly: true }),
  ...rules('to_date to_timestamp', { price: 1, result: 'small', smallOnly: true }),
  // Numbers of any length, not only short ones.
  ...rules('abs ceil ceiling floor', { price: 1, result: 'args', smallOnly: true }),
  ...rules('round trunc', { price: 1, result: 'more', smallOnly: true, digits: 1 }),
  ...rules('sign', { price: 1, result: 'small', smallOnly: true }),
  ...rules('mod', { price: 1, result: 'args', smallOnly: true, squares: true }),
  ...rules('random', { price: 1, result: 'more', smallOnly: true }),
  ...rules('pi', { price: 1, result: 'small' }),
  ...rules(
    `now transaction_timestamp statement_timestamp clock_timestamp date_part date_bin extract age make_date make_time
    make_timestamp make_interval isfinite justify_days justify_hours justify_interval overlaps`,
    { price: 1, result: 'small', smallOnly: true },
  ),
  ...rules('timezone', { price: 1, result: 'small', smallOnly: true, zone: 0 }),
  ...rules('date_trunc date_add date_subtract', { price: 1, result: 'small', smallOnly: true, zone: 2 }),
  ...rules('make_timestamptz', { price: 1, result: 'small', smallOnly: true, zone: 6 }),
  ...rules('to_jsonb', { price: 25, result: 'double' }),
  ...rules('jsonb_build_object jsonb_build_array', { price: 30, result: 'double' }),
  ...rules('jsonb_array_length jsonb_typeof', { price: 5, result: 'small' }),
  ...rules('jsonb_extract_path jsonb_extract_path_text', { price: 26, result: 'args' }),
  ...rules('jsonb_array_elements jsonb_array_elements_text', { price: 40, result: 'args' }),
  ...rules('jsonb_each jsonb_each_text', { price: 50, result: 'args' }),
  ...rules('jsonb_object_keys', { price: 45, result: 'args' }),
  ...rules('array_length cardinality array_position', { price: 10, result: 'small' }),
  ...rules('unnest', { price: 25, result: 'args' }),
  ...rules('generate_series', { price: 1, result: 'more', smallOnly: true, zone: 3 }),
  ...rules('num_nulls num_nonnulls', { price: 5, result: 'small' }),
  ...rules('gen_random_uuid uuid_extract_timestamp uuid_extract_version', { price: 1, result: 'small' }),
]);

/** Cost and result of an operator. */
export interface OperatorRule {
  /** Milliseconds per MiB of both sides. */
  readonly price: number;
  readonly result: 'small' | 'args' | 'left' | 'sum' | 'part' | 'product';
  /** The side that must be a constant or a bound value, since its values are searched for one by one. */
  readonly contained?: 'left' | 'right' | 'either';
  /** Multiplies or divides its sides; see PRODUCT_PRICE. */
  readonly takesProduct?: boolean;
  /** Removes keys from JSON, each of which is compared with all in it. */
  readonly removes?: boolean;
  /** Allowed for texts only; concatenating JSON or arrays takes 200 ms per MiB. */
  readonly needsText?: boolean;
}

/** Operators that SQL of user code may use. */
export const ALLOWED_OPERATORS: ReadonlyMap<string, OperatorRule> = new Map<string, OperatorRule>([
  ...words('= <>').map((name): [string, OperatorRule] => [name, { price: 10, result: 'small' }]),
  ...words('< <= > >=').map((name): [string, OperatorRule] => [name, { price: 40, result: 'small' }]),
  ['+', { price: 10, result: 'sum' }],
  ['-', { price: 25, result: 'sum', removes: true }],
  ...words('* / %').map((name): [string, OperatorRule] => [
    name,
    { price: 10, result: 'product', takesProduct: true },
  ]),
  ['||', { price: 30, result: 'args', needsText: true }],
  ['->', { price: 4, result: 'part' }],
  ['->>', { price: 4, result: 'part' }],
  ['#>', { price: 4, result: 'left' }],
  ['#>>', { price: 26, result: 'left' }],
  ['?', { price: 6, result: 'small' }],
  ['@>', { price: 4, result: 'small', contained: 'right' }],
  ['<@', { price: 4, result: 'small', contained: 'left' }],
  ['&&', { price: 4, result: 'small', contained: 'either' }],
]);

/** `||` of two values that are text already: milliseconds per MiB. */
export const PLAIN_TEXT_PRICE = 10;
/** Serialising JSON to text, as `->>` does: milliseconds per MiB. */
export const JSON_TEXT_PRICE = 22;
/** Searching a text: milliseconds per byte of the needle and MiB of the text. */
export const NEEDLE_PRICE = 3;
/** LIKE compares the pattern at every position: milliseconds per byte of the pattern and MiB of the text. */
export const LIKE_PRICE = 5;
/** ILIKE lower-cases both sides: additional milliseconds per MiB. */
export const ILIKE_PRICE = 30;
/** `@>`, `<@`, `&&`: milliseconds per value that is searched for and MiB. */
export const CONTAINED_PRICE = 4;
/** Long multiplication and division: milliseconds per digit of one number and digit of the other. */
export const PRODUCT_PRICE = 2e-7;
/** Most digits of a PostgreSQL numeric before the point. */
export const NUMERIC_DIGITS = 131_072;
/** Comparing sort keys, by the collation's rules for text: milliseconds per MiB. */
export const SORT_PRICE = 40;
/** Each node of an expression, however small its value: also the planner copies it. */
export const NODE_MS = 0.005;
/** Reading an array from its text: milliseconds per MiB. */
export const LIST_PRICE = 450;
/** How much longer an array is, printed, than the text it was read from: `{1}` is `{1.00000000000000000000}` as numeric. */
export const LIST_GROWTH = 12;
/** Sending a row, JSON and arrays as text: milliseconds per MiB. */
export const SEND_PRICE = { plain: 4, structured: 22 } as const;

/** Cost of a cast in milliseconds per MiB of its argument, and whether its result is small. */
export interface TypeRule {
  readonly price: number;
  readonly isSmall: boolean;
}

/** Types that a cast may name, by the parser's names (`int` is `int4`, `timestamp with time zone` is `timestamptz`). */
export const ALLOWED_TYPES: ReadonlyMap<string, TypeRule> = new Map([
  ...words(
    `bool boolean int2 int4 int8 int bigint smallint integer float4 float8 uuid date time timetz timestamp timestamptz
    interval numeric decimal`,
  ).map((name): [string, TypeRule] => [name, { price: 10, isSmall: true }]),
  ...words('text varchar').map((name): [string, TypeRule] => [
    name,
    { price: JSON_TEXT_PRICE, isSmall: false },
  ]),
  // Parsing JSON of many small values takes half a second per MiB, so in effect only small texts pass.
  ['jsonb', { price: 450, isSmall: false }],
]);

/** Precision of a cast to numeric that names none: 40 digits before the point and 20 after it. */
export const NUMERIC_PRECISION = { digits: 60, scale: 20 } as const;
/** Highest precision that a cast to numeric may name. */
export const MAX_NUMERIC_PRECISION = 100;

/** Node types of the parse tree that a query may contain. */
export const ALLOWED_NODES: ReadonlySet<string> = new Set(
  words(`SelectStmt WithClause CommonTableExpr RangeVar RangeSubselect RangeFunction JoinExpr Alias ResTarget ColumnRef
    A_Star ParamRef A_Const A_Expr BoolExpr NullTest BooleanTest CaseExpr CaseWhen CoalesceExpr MinMaxExpr SubLink
    A_ArrayExpr RowExpr A_Indirection A_Indices FuncCall SQLValueFunction TypeCast TypeName CollateClause SortBy
    WindowDef List String Integer Float Boolean`),
);

/** SQL value functions for the current time; those for roles, databases and schemas are not allowed. */
export const ALLOWED_VALUE_WORDS: ReadonlySet<string> = new Set(
  words(`CURRENT_DATE CURRENT_TIME CURRENT_TIME_N CURRENT_TIMESTAMP CURRENT_TIMESTAMP_N LOCALTIME LOCALTIME_N
    LOCALTIMESTAMP LOCALTIMESTAMP_N`).map((word) => `SVFOP_${word}`),
);

/** Fields whose node is written without its type, with that type. */
export const BARE_FIELDS: ReadonlyMap<string, string> = new Map([
  ['withClause', 'WithClause'],
  ['larg', 'SelectStmt'],
  ['rarg', 'SelectStmt'],
  ['intoClause', 'IntoClause'],
  ['typeName', 'TypeName'],
  ['alias', 'Alias'],
  ['join_using_alias', 'Alias'],
  ['over', 'WindowDef'],
  ['search_clause', 'CTESearchClause'],
  ['cycle_clause', 'CTECycleClause'],
  ['collClause', 'CollateClause'],
  ['format', 'JsonFormat'],
]);

/** Names of node types in refusals, where readers of SQL would not recognise the type. */
export const NODE_NAMES: ReadonlyMap<string, string> = new Map([
  ['IntoClause', 'SELECT … INTO'],
  ['LockingClause', 'FOR UPDATE or FOR SHARE'],
  ['XmlExpr', 'an XML function'],
  ['XmlSerialize', 'an XML function'],
  ['RangeTableFunc', 'XMLTABLE'],
  ['RangeTableSample', 'TABLESAMPLE'],
  ['JsonTable', 'JSON_TABLE'],
  ['InsertStmt', 'INSERT'],
  ['UpdateStmt', 'UPDATE'],
  ['DeleteStmt', 'DELETE'],
  ['MergeStmt', 'MERGE'],
  ['VariableSetStmt', 'SET'],
  ['VariableShowStmt', 'SHOW'],
  ['TransactionStmt', 'transaction control'],
  ['ExplainStmt', 'EXPLAIN'],
  ['CopyStmt', 'COPY'],
  ['DoStmt', 'DO'],
  ['CallStmt', 'CALL'],
  ['NotifyStmt', 'NOTIFY'],
  ['ListenStmt', 'LISTEN'],
]);
