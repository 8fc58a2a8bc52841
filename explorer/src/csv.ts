/** Columns of a CSV file (RFC 4180), in order; objects and arrays are written as JSON. */
export const CSV_COLUMNS = [
  'id',
  'seq',
  'entity_type',
  'who',
  'did',
  'this',
  'at',
  'parent_id',
  'related_to',
  'owner_id',
  'tenant_id',
  'visibility',
  'status',
  'is_deleted',
  'name',
  'description',
  'code',
  'language',
  'runtime',
  'input',
  'output',
  'error',
  'metadata',
  'duration_ms',
  'trace_id',
  'prev_hash',
  'curr_hash',
  'signature',
  'public_key',
] as const;

/** Starts that spreadsheets treat as a formula, also after dropping them (https://owasp.org/www-community/attacks/CSV_Injection). */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;

export function csvHead(): string {
  return `${CSV_COLUMNS.join(',')}\r\n`;
}

export function csvLine(span: Readonly<Record<string, unknown>>): string {
  return `${CSV_COLUMNS.map((column) => cell(span[column])).join(',')}\r\n`;
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  // Every spreadsheet takes a cell that begins with an apostrophe as text.
  const harmless = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
