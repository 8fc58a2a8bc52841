/** What SQL of user code may name. Everything else is refused: a list of what is forbidden is never complete. */

/** Relations of the schema `ledger`; both are under row-level security. */
export const ALLOWED_RELATIONS: ReadonlySet<string> = new Set(['universal_registry', 'visible_timeline']);

/** Columns that every table has and that tell of other tenants' transactions. */
export const REFUSED_COLUMNS: ReadonlySet<string> = new Set([
  'ctid',
  'xmin',
  'xmax',
  'cmin',
  'cmax',
  'tableoid',
]);

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word.length > 0);

/**
 * Functions without side effects that look at nothing but their arguments and the clock. Left out on
 * purpose: whatever reads settings, catalogues, files or transactions, takes locks, sleeps, runs SQL given
 * as text (`query_to_xml`, `ts_stat`), or makes a huge value from a short call (`repeat`, `lpad`, `format`).
 */
export const ALLOWED_FUNCTIONS: ReadonlySet<string> = new Set([
  ...words(`count sum avg min max any_value array_agg string_agg json_agg jsonb_agg json_object_agg jsonb_object_agg
    bool_and bool_or every bit_and bit_or bit_xor stddev stddev_pop stddev_samp variance var_pop var_samp corr
    covar_pop covar_samp regr_slope regr_intercept regr_count regr_r2 percentile_cont percentile_disc mode`),
  ...words(
    `row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value`,
  ),
  ...words(`length char_length character_length octet_length bit_length lower upper initcap btrim ltrim rtrim
    substr substring left right replace translate split_part strpos position overlay concat concat_ws starts_with
    reverse md5 sha256 sha512 encode decode convert_from convert_to ascii chr normalize is_normalized like_escape
    similar_to_escape regexp_match regexp_matches regexp_replace regexp_count regexp_like regexp_substr regexp_instr
    regexp_split_to_array regexp_split_to_table string_to_array string_to_table array_to_string to_char to_date
    to_number to_timestamp to_hex`),
  ...words(`abs ceil ceiling floor round trunc mod div power sqrt cbrt exp ln log sign gcd lcm random width_bucket
    pi degrees radians sin cos tan asin acos atan atan2 scale trim_scale min_scale`),
  ...words(`now transaction_timestamp statement_timestamp clock_timestamp date_trunc date_part date_bin extract age
    date_add date_subtract make_date make_time make_timestamp make_timestamptz make_interval timezone isfinite
    justify_days justify_hours justify_interval overlaps`),
  ...words(`to_json to_jsonb row_to_json array_to_json json_build_array jsonb_build_array json_build_object
    jsonb_build_object json_object jsonb_object json_array_elements jsonb_array_elements json_array_elements_text
    jsonb_array_elements_text json_array_length jsonb_array_length json_each jsonb_each json_each_text
    jsonb_each_text json_object_keys jsonb_object_keys json_typeof jsonb_typeof json_extract_path
    jsonb_extract_path json_extract_path_text jsonb_extract_path_text json_strip_nulls jsonb_strip_nulls jsonb_set
    jsonb_set_lax jsonb_insert jsonb_delete jsonb_pretty jsonb_contains jsonb_exists jsonb_exists_any
    jsonb_exists_all jsonb_concat jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_path_query_array
    jsonb_path_query_first json_to_record jsonb_to_record json_to_recordset jsonb_to_recordset`),
  ...words(`array_length array_lower array_upper array_ndims array_dims cardinality array_position array_positions
    array_append array_prepend array_cat array_remove array_replace unnest trim_array`),
  ...words(`generate_series generate_subscripts num_nulls num_nonnulls gen_random_uuid uuid_extract_timestamp
    uuid_extract_version to_tsvector to_tsquery plainto_tsquery phraseto_tsquery websearch_to_tsquery ts_rank
    ts_rank_cd`),
]);

/** Types a cast may name, as the parser calls them (`int` is `int4`, `timestamp with time zone` is `timestamptz`). */
export const ALLOWED_TYPES: ReadonlySet<string> = new Set(
  words(`bool boolean int2 int4 int8 int bigint smallint integer numeric decimal float4 float8 text varchar bpchar char
    uuid json jsonb jsonpath bytea date time timetz timestamp timestamptz interval bit varbit tsvector tsquery`),
);

/** Nodes of the parse tree that a query may be made of. */
export const ALLOWED_NODES: ReadonlySet<string> = new Set(
  words(`SelectStmt WithClause CommonTableExpr CTESearchClause CTECycleClause RangeVar RangeSubselect RangeFunction
    JoinExpr Alias ResTarget ColumnRef ColumnDef A_Star ParamRef A_Const A_Expr BoolExpr NullTest BooleanTest CaseExpr
    CaseWhen CoalesceExpr MinMaxExpr SubLink A_ArrayExpr RowExpr A_Indirection A_Indices NamedArgExpr FuncCall
    SQLValueFunction TypeCast TypeName CollateClause SortBy GroupingSet GroupingFunc WindowDef List String Integer
    Float Boolean BitString JsonIsPredicate JsonFormat`),
);

/** Fields that hold a node without saying its type, and the type they hold. */
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

/** How a refusal names what a reader of SQL does not know by its node type. */
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
