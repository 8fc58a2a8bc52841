import { readFile } from 'node:fs/promises';
import { systemErrorCode } from '../../local/operator-error';

/** What is exported. A run with the same plan resumes an interrupted one. */
export interface ExportPlan {
  readonly tenant: string;
  /** Users whose spans are read, each with a token of its own; null for everything that the given token may read. */
  readonly users: readonly string[] | null;
  readonly since: string | null;
  readonly source: string;
}

/** Progress of an export; the file is complete up to `bytes`. */
export interface ExportState {
  readonly plan: ExportPlan;
  /** Fingerprint of the plan, by which a run knows whether it may resume. */
  readonly request: string;
  readonly bytes: number;
  readonly spans: number;
  /** Part being read: 0 for the keys, then one for each user. */
  readonly part: number;
  readonly cursor: string | null;
  readonly firstCursor: string | null;
  readonly lastCursor: string | null;
  readonly publicKeys: Readonly<Record<string, number>>;
  /** Size of the tenant's log before the first page; null when no log is read. */
  readonly logSizeBefore: number | null;
}

/** Progress at the beginning. */
export const NOTHING_READ = {
  bytes: 0,
  spans: 0,
  part: 0,
  cursor: null,
  firstCursor: null,
  lastCursor: null,
  publicKeys: {},
  logSizeBefore: null,
} as const;

/** State of an interrupted export; undefined when there is none or it is unusable. */
export async function readState(file: string): Promise<ExportState | undefined> {
  try {
    return parseState(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if (error instanceof SyntaxError || systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function parseState(value: unknown): ExportState | undefined {
  const state = objectOf(value);
  const plan = objectOf(state.plan);
  const { request, bytes, spans, part } = state;
  if (typeof request !== 'string' || !isCount(bytes) || !isCount(spans) || !isCount(part)) return undefined;
  if (typeof plan.tenant !== 'string' || typeof plan.source !== 'string') return undefined;
  const users = Array.isArray(plan.users) ? plan.users.filter((user) => typeof user === 'string') : null;
  const publicKeys = Object.entries(objectOf(state.publicKeys)).filter((entry): entry is [string, number] =>
    isCount(entry[1]),
  );
  return {
    plan: { tenant: plan.tenant, source: plan.source, users, since: textOrNull(plan.since) },
    request,
    bytes,
    spans,
    part,
    cursor: textOrNull(state.cursor),
    firstCursor: textOrNull(state.firstCursor),
    lastCursor: textOrNull(state.lastCursor),
    publicKeys: Object.fromEntries(publicKeys),
    logSizeBefore: isCount(state.logSizeBefore) ? state.logSizeBefore : null,
  };
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
