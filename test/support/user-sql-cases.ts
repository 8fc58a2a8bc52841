import {
  ALLOWED_FUNCTIONS,
  ALLOWED_OPERATORS,
  ALLOWED_TYPES,
  SPAN_BYTES,
} from '../../runtime/sandbox/sql-allowed';

/** An allowed call on the largest possible input. */
export interface UserSqlCase {
  readonly title: string;
  readonly text: string;
}

const FROM = 'FROM ledger.universal_registry s';
const WINDOWED = new Set(
  `row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value`.split(
    ' ',
  ),
);

/** Calls of each function on the widest columns: `$T` is a text of a span's length, `$J` such JSON. */
const CALLS: Readonly<Record<string, readonly string[]>> = {
  count: ['count($T)', 'count(DISTINCT $T)', 'count(*)'],
  sum: ["sum(($J->>'n')::numeric)", 'sum(duration_ms)'],
  avg: ["avg(($J->>'n')::numeric)", 'avg(seq)'],
  percentile_cont: ['percentile_cont(0.5) WITHIN GROUP (ORDER BY seq)'],
  percentile_disc: ['percentile_disc(0.5) WITHIN GROUP (ORDER BY $T)'],
  bool_and: ['bool_and(is_deleted)'],
  bool_or: ['bool_or(is_deleted)'],
  every: ['every(is_deleted)'],
  ntile: ['ntile(3)'],
  nth_value: ['nth_value($T, 1)'],
  left: ['left($T, 250000)'],
  right: ['right($T, 250000)'],
  substr: ['substr($T, 1000, 250000)'],
  substring: ['substring($T, 1000, 250000)'],
  starts_with: ["starts_with($T, 'aaa')"],
  strpos: ["strpos($T, 'baaaaaaaaaaaaaaaaaaaaaaa')"],
  position: ["position('baaaaaaaaaaaaaaaaaaaaaaa' IN $T)"],
  split_part: ["split_part($T, 'aaaab', 2)"],
  concat: ['concat($T, who)'],
  concat_ws: ["concat_ws(',', $T, who)"],
  to_char: ["to_char(at, 'FMDay, DD TMMonth YYYY HH24:MI:SS.US TZ')", "to_char(seq, '999G999G999D99')"],
  to_date: ["to_date('2020-01-01', 'YYYY-MM-DD')"],
  to_timestamp: ["to_timestamp('2020-01-01', 'YYYY-MM-DD')"],
  round: ["round(($J->>'n')::numeric, 10)"],
  trunc: ["trunc(($J->>'n')::numeric, 10)"],
  mod: ['mod(seq, 7)'],
  random: ['random()'],
  pi: ['pi()'],
  now: ['now()'],
  transaction_timestamp: ['transaction_timestamp()'],
  statement_timestamp: ['statement_timestamp()'],
  clock_timestamp: ['clock_timestamp()'],
  date_trunc: ["date_trunc('day', at, 'Europe/Paris')"],
  date_part: ["date_part('epoch', at)"],
  date_bin: ["date_bin('1 hour', at, now())"],
  extract: ['extract(julian FROM at)'],
  age: ['age(now(), at)'],
  date_add: ["date_add(at, '1 month', 'Europe/Paris')"],
  date_subtract: ["date_subtract(at, '1 month', 'Europe/Paris')"],
  make_date: ['make_date(2020, 1, 1)'],
  make_time: ['make_time(1, 2, 3)'],
  make_timestamp: ['make_timestamp(2020, 1, 1, 1, 2, 3)'],
  make_timestamptz: ["make_timestamptz(2020, 1, 1, 1, 2, 3, 'Europe/Paris')"],
  make_interval: ['make_interval(1, 2, 3)'],
  timezone: ["at AT TIME ZONE 'Europe/Paris'"],
  isfinite: ['isfinite(at)'],
  justify_days: ["justify_days(interval '100 days')"],
  justify_hours: ["justify_hours(interval '100 hours')"],
  justify_interval: ["justify_interval(interval '100 days')"],
  overlaps: ['(at, at) OVERLAPS (at, now())'],
  to_jsonb: ['to_jsonb($T)', 'to_jsonb(related_to)'],
  jsonb_build_object: ["jsonb_build_object('a', $J)"],
  jsonb_build_array: ['jsonb_build_array($J)'],
  jsonb_array_length: ['jsonb_array_length(input)'],
  jsonb_typeof: ['jsonb_typeof($J)'],
  jsonb_extract_path: ["jsonb_extract_path($J, 'a')"],
  jsonb_extract_path_text: ["jsonb_extract_path_text($J, 'a')"],
  jsonb_array_elements: ['(SELECT count(*) FROM jsonb_array_elements(input) e)'],
  jsonb_array_elements_text: ['(SELECT count(*) FROM jsonb_array_elements_text(input) e)'],
  jsonb_each: ['(SELECT count(*) FROM jsonb_each($J) e)'],
  jsonb_each_text: ['(SELECT count(*) FROM jsonb_each_text($J) e)'],
  jsonb_object_keys: ['(SELECT count(*) FROM jsonb_object_keys($J) e)'],
  array_length: ['array_length(related_to, 1)'],
  cardinality: ['cardinality(related_to)'],
  array_position: ['array_position(related_to, gen_random_uuid())'],
  unnest: ['(SELECT count(*) FROM unnest(related_to) e)'],
  generate_series: ['(SELECT count(*) FROM generate_series(1, 100) e)'],
  num_nulls: ['num_nulls($T, $J)'],
  num_nonnulls: ['num_nonnulls($T, $J)'],
  gen_random_uuid: ['gen_random_uuid()'],
  uuid_extract_timestamp: ['uuid_extract_timestamp(id)'],
  uuid_extract_version: ['uuid_extract_version(id)'],
};

const OPERATIONS: Readonly<Record<string, readonly string[]>> = {
  '+': ['seq + 1', "at + interval '1 day'", "($J->>'n')::numeric + 1"],
  '-': ['seq - 1', '- seq', "$J - 'k1'", 'at - now()'],
  '*': ['seq * 2', "($J->>'n')::numeric * ($J->>'n')::numeric"],
  '/': ['seq / 2', "($J->>'n')::numeric / 7"],
  '%': ['seq % 2', "($J->>'n')::numeric % 7"],
  '||': ['$T || who', "'a' || $T"],
  '->': ["$J -> 'k1'", 'input -> 40000'],
  '->>': ["$J ->> 'k1'", 'input ->> 0', "metadata ->> 'all'"],
  '#>': ["$J #> '{all,k1}'"],
  '#>>': ["$J #>> '{all}'"],
  '?': ["$J ? 'k1'", "input ? 'x'"],
  '@>': [`input @> '["s1","s48000","s48001","s48002","x"]'`, 'related_to @> ARRAY[gen_random_uuid()]'],
  '<@': [`'["s1","s48000"]' <@ input`],
  '&&': [`related_to && '{00000000-0000-4000-8000-000000000001}'`],
};

/** Every allowed function, operator, cast and pattern on the widest columns; some are refused for their cost. */
export function userSqlCases(): UserSqlCase[] {
  const functions = [...ALLOWED_FUNCTIONS.keys()].flatMap((name) =>
    (CALLS[name] ?? [`${name}($T)`]).map((call) => ({
      title: `function ${name}`,
      call: WINDOWED.has(name)
        ? `${call.replace('($T)', /rank|row|dist/.test(name) ? '()' : '($T)')} OVER ()`
        : call,
    })),
  );
  const operators = [...ALLOWED_OPERATORS.keys()].flatMap((name) =>
    (OPERATIONS[name] ?? [`$T ${name} who`, `$J ${name} metadata`]).map((call) => ({
      title: `operator ${name}`,
      call,
    })),
  );
  const casts = [...ALLOWED_TYPES.keys()].map((name) => ({
    title: `cast to ${name}`,
    call: `CASE WHEN seq < 0 THEN ($T)::${name} END`,
  }));
  const patterns = [`$T LIKE '%aaaaaaaaab%'`, `$T LIKE 'aaaaaaaaaaaaaaaaaaab%'`, `$T ILIKE '%aaaab%'`].map(
    (call) => ({ title: 'LIKE', call }),
  );
  return [...functions, ...operators, ...casts, ...patterns].map(({ title, call }) => ({
    title: `${title}: ${call}`,
    text: `SELECT ${call.replaceAll('$T', 'this').replaceAll('$J', 'metadata')} AS value ${FROM}`,
  }));
}

/** The widest rows that the ledger accepts: long texts, many small JSON values, long JSON. */
export function widestRows(): readonly Readonly<Record<string, unknown>>[] {
  const wide = SPAN_BYTES - 20_000;
  const members = Object.fromEntries(Array.from({ length: 24_000 }, (_, index) => [`k${index}`, index]));
  return [
    { this: 'a'.repeat(wide), metadata: { n: '123456789.123456789' }, input: [] },
    { this: 'é'.repeat(wide / 2), metadata: { n: '1' }, input: ['x'] },
    {
      this: 'members',
      metadata: { n: 1, all: members },
      input: Array.from({ length: 24_000 }, (_, i) => `s${i}`),
    },
    {
      this: 'one',
      metadata: { n: 1, ...Object.fromEntries(Object.entries(members)) },
      input: Array(24_000).fill({}),
    },
    { this: 'long member', metadata: { n: 1, k1: 'x'.repeat(wide - 1_000) }, input: [] },
    {
      this: 'relations',
      metadata: { n: 1 },
      input: [],
      related_to: Array.from(
        { length: 20_000 },
        (_, i) => `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
      ),
    },
  ];
}
