import { TIME_FUNCTIONS, TIME_TYPES } from './sql-allowed';
import { columnIn, type Scope } from './sql-scope';
import { builtInName, type Fields, fieldsOf, isFields, listOf, namesOf, unwrap } from './sql-tree';

// A session of PostgreSQL keeps each time zone that it has read, 23 KiB each, for as long as it lasts (pg_tzset in its
// pgtz.c). Names are some 600, but zones by rule, such as `abc5`, have no end.

/** A zone by rule within a date: letters, then an offset. PostgreSQL reads no other token that way. */
const RULE = '[[:alpha:]][[:alpha:]_/.:]{2,}[-+]?[0-9]';
/** The end of one, which is found in linear time. */
const RULE_END = /[a-z_/.:]{2}[-+]?\d/i;
/** What may be a date before it; without one PostgreSQL does not look for a zone. */
const DATE =
  /\d[-/.:]\d|\d{6}|\b(?:to|yes|now|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b|\bj[a-z]*\d/i;
/** PostgreSQL reads no longer text as a date. */
const MAX_DATE_LENGTH = 128;

/** Whether PostgreSQL, reading a value as a date or an array of dates, might read a zone by rule. */
export function mayNameZone(text: string): boolean {
  if (text.length > MAX_DATE_LENGTH && !/^\s*[{[]/.test(text)) return false;
  // UUIDs and hashes.
  if (/^[\da-f-]*$/i.test(text)) return false;
  const date = DATE.exec(text);
  return date !== null && RULE_END.test(text.slice(date.index + 1));
}

/** Whether a zone that a function is given is certain to be a name. */
export function isZoneName(zone: unknown): boolean {
  const node = unwrap(zone);
  if (node?.type !== 'A_Const' || !isFields(node.fields.sval)) return false;
  return /^[A-Za-z_/]*$/.test(String(node.fields.sval.sval ?? ''));
}

/** Whether a value is known to be a date, time or interval already. */
export function isTime(value: unknown, scope: Scope): boolean {
  const { type, fields } = unwrap(value) ?? { type: '', fields: {} };
  if (type === 'ColumnRef') return columnIn(scope, namesOf(fields.fields).slice(-2))?.isTime === true;
  if (type === 'SQLValueFunction') return true;
  if (type === 'FuncCall') {
    const name = builtInName(fields.funcname) ?? '';
    if (/^(min|max|lag|lead|first_value|last_value|any_value)$/.test(name))
      return isTime(listOf(fields.args)[0], scope);
    return TIME_FUNCTIONS.has(name);
  }
  if (type === 'TypeCast') {
    const { names, arrayBounds } = fieldsOf(fields.typeName);
    return TIME_TYPES.has(builtInName(names) ?? '') && listOf(arrayBounds).length === 0;
  }
  if (type === 'CoalesceExpr') return listOf(fields.args).some((item) => isTime(item, scope));
  if (type !== 'A_Expr' || fields.kind !== 'AEXPR_OP') return false;
  return /^[-+]$/.test(builtInName(fields.name) ?? '') && isTime(fields.lexpr, scope);
}

/** Makes a text that is cast to a date or time fail where it names a zone by rule: `refused-abc5` is no zone. */
export function refuseZones(cast: Fields): void {
  const writable = cast as Record<string, unknown>;
  const string = (sval: string) => ({ String: { sval } });
  const text = {
    TypeCast: { arg: cast.arg, typeName: { names: [string('text')], typemod: -1 } },
  };
  const call = (name: string, args: unknown[]) => ({
    FuncCall: { funcname: [string(name)], args, funcformat: 'COERCE_EXPLICIT_CALL' },
  });
  const constant = (sval: string) => ({ A_Const: { sval: { sval } } });
  const short = call('left', [text, { A_Const: { ival: { ival: MAX_DATE_LENGTH } } }]);
  writable.arg = call('regexp_replace', [short, constant(RULE), constant('refused-\\&'), constant('g')]);
}
