import type { JsonValue, SignedSpan, Span } from '../../base/span';
import type { SpanDraft } from '../../ledger/span-draft';
import { isUuid } from '../json';
import type { FunctionContext } from '../kernel-context';
import { decide, type Night, type Ruling, type Subject, timestampMs } from './midnight-law';
import { nextDate, parisDate, parisMidnight } from './paris-time';

/** Subjects of one query, and most ids in `subject_ids`. */
const BATCH = 100;
/** A run without `subject_ids` starts no further batch after this; its result then has `more: true`. */
const MAX_RUN_MS = 2_000;
/** Most bytes of subjects that are read and written together, unless a single one is larger. */
const MAX_CHUNK_BYTES = 512 * 1024;
const MAX_CHUNK = 50;

/** Members that the next version of a subject keeps. */
const CONTENT = [
  ...(['entity_type', 'who', 'did', 'this', 'parent_id', 'related_to', 'visibility', 'name'] as const),
  ...(['description', 'code', 'language', 'runtime', 'input', 'output', 'error', 'metadata'] as const),
  ...(['duration_ms', 'trace_id'] as const),
] satisfies readonly (keyof Span)[];

interface Report {
  accepted: number;
  under_review: number;
  terminated: number;
  /** Subjects for which nothing is due. */
  undecided: number;
  /** Subjects that already have a decision of this local date. */
  decided_before: number;
  /** Subjects with invalid metadata. */
  readonly broken: { id: string; reason: string }[];
  /** Subjects that changed concurrently; left to another run. */
  readonly skipped: string[];
}

/**
 * Decides open deliverables and contracts of its own identity by the law of `midnight-law.ts`.
 *
 * - ok: accepted, or as many approvals as the quorum asks for → `accepted`
 * - doubt: the deadline passed and there is no evidence → `under_review` until the next midnight, once for
 *   each deadline
 * - not: the deadline passed otherwise → `terminated`
 *
 * Each decision is a `law.decision` span and the subject's next version, both or none. Its id is derived from the subject
 * and the local date in Paris, so that a date decides once however often it is run.
 *
 * Input: `{"trigger": "midnight_ruler", "scheduled_for": <RFC 3339>, "subject_ids"?: [≤ 100 ids], "after"?: id}`.
 * Without `subject_ids` it goes through the identity's own open subjects by id; a result with `more: true` and `after`
 * has not reached the end.
 * @throws TypeError for an input of another form
 */
export async function main(ctx: FunctionContext, input: JsonValue): Promise<JsonValue> {
  const { night, subjectIds, after } = readInput(input);
  const report: Report = {
    accepted: 0,
    under_review: 0,
    terminated: 0,
    undecided: 0,
    decided_before: 0,
    broken: [],
    skipped: [],
  };
  const head = { local_date: night.localDate, scheduled_for: night.scheduledFor };
  if (subjectIds !== null) {
    await rule(ctx, night, subjectIds, report);
    return { ...head, ...report, more: false };
  }
  const startedMs = Date.now();
  let last = after;
  for (;;) {
    const ids = await ownSubjects(ctx, last);
    if (ids.length > 0) await rule(ctx, night, ids, report);
    if (ids.length < BATCH) return { ...head, ...report, more: false };
    last = ids[ids.length - 1] ?? last;
    if (Date.now() - startedMs > MAX_RUN_MS) return { ...head, ...report, more: true, after: last };
  }
}

function readInput(input: JsonValue): { night: Night; subjectIds: string[] | null; after: string } {
  const given = typeof input === 'object' && input !== null && !Array.isArray(input) ? input : {};
  const {
    scheduled_for: scheduledFor,
    subject_ids: ids = null,
    after = LOWEST_ID,
  } = given as {
    readonly [member: string]: JsonValue | undefined;
  };
  const ms = timestampMs(scheduledFor);
  if (typeof scheduledFor !== 'string' || ms === null) {
    throw new TypeError('scheduled_for must be an RFC 3339 timestamp, such as 2026-03-28T23:00:00.000Z');
  }
  if (ids !== null && !(Array.isArray(ids) && ids.length <= BATCH && ids.every(isUuid))) {
    throw new TypeError(`subject_ids must be a list of at most ${BATCH} UUIDs`);
  }
  if (!isUuid(after)) throw new TypeError('after must be a UUID');
  const localDate = parisDate(ms);
  const heldUntil = new Date(parisMidnight(nextDate(localDate))).toISOString();
  return { night: { scheduledFor, ms, localDate, heldUntil }, subjectIds: ids as string[] | null, after };
}

const LOWEST_ID = '00000000-0000-0000-0000-000000000000';

async function ownSubjects(ctx: FunctionContext, after: string): Promise<string[]> {
  const { rows } = await ctx.sql<{ id: string }>`
    SELECT t.id FROM ledger.universal_registry t
    WHERE t.owner_id = ${ctx.env.APP_USER_ID} AND t.tenant_id = ${ctx.env.APP_TENANT_ID}
      AND t.entity_type IN ('deliverable', 'contract') AND t.id > ${after}::uuid
      AND NOT t.is_deleted AND coalesce(t.status, 'active') IN ('active', 'under_review')
      AND NOT EXISTS (SELECT 1 FROM ledger.universal_registry n WHERE n.id = t.id AND n.seq > t.seq)
    ORDER BY t.id LIMIT ${BATCH}`;
  return rows.map(({ id }) => id);
}

/** Reads the subjects, decides each, and writes the decisions in chunks. */
async function rule(
  ctx: FunctionContext,
  night: Night,
  ids: readonly string[],
  report: Report,
): Promise<void> {
  const subjects = await readSubjects(ctx, ids);
  const decided = await decidedBefore(ctx, night, subjects);
  const open = subjects.filter(({ id }) => !decided.has(id));
  report.decided_before += decided.size;
  const holds = await readHolds(ctx, open);
  const rulings: { subject: Subject; ruling: Ruling }[] = [];
  for (const subject of open) {
    const ruling = decide(subject, night, holds.get(subject.id));
    if (typeof ruling === 'string') report.broken.push({ id: subject.id, reason: ruling });
    else if (ruling === null) report.undecided += 1;
    else rulings.push({ subject, ruling });
  }
  for (const chunk of chunksOf(rulings)) await write(ctx, night, chunk, report);
}

/**
 * The newest versions. LATERAL with LIMIT gives one short index scan per subject whatever the planner's statistics are;
 * NOT EXISTS (a newer version) would be planned as a hash join over the ledger.
 */
async function readSubjects(ctx: FunctionContext, ids: readonly string[]): Promise<readonly Subject[]> {
  const { rows } = await ctx.sql<Omit<Subject, 'bytes'>>`
    SELECT t.id, t.seq,
      coalesce(t.metadata->'accepted' = 'true'::jsonb, false) AS accepted,
      coalesce(t.metadata->'evidence' NOT IN ('null', '""', '[]', '{}', 'false'), false) AS has_evidence,
      jsonb_typeof(t.metadata->'approvals') AS approvals_type,
      CASE jsonb_typeof(t.metadata->'approvals')
        WHEN 'array' THEN jsonb_array_length(t.metadata->'approvals')::text
        ELSE left(t.metadata->>'approvals', 64) END AS approvals,
      jsonb_typeof(t.metadata->'quorum') AS quorum_type, left(t.metadata->>'quorum', 64) AS quorum,
      jsonb_typeof(t.metadata->'deadline') AS deadline_type, left(t.metadata->>'deadline', 64) AS deadline
    FROM unnest(${ids}::uuid[]) AS w (id) CROSS JOIN LATERAL (
      SELECT * FROM ledger.universal_registry r WHERE r.id = w.id ORDER BY r.seq DESC LIMIT 1) t
    WHERE t.owner_id = ${ctx.env.APP_USER_ID} AND t.tenant_id = ${ctx.env.APP_TENANT_ID}
      AND t.entity_type IN ('deliverable', 'contract')
      AND NOT t.is_deleted AND coalesce(t.status, 'active') IN ('active', 'under_review')`;
  const sizes = await readSizes(ctx, rows);
  return rows.map((row) => ({ ...row, bytes: sizes.get(row.id) ?? 0 }));
}

/** Approximate size of each subject's JSON, to read them in chunks that fit into one answer. */
async function readSizes(
  ctx: FunctionContext,
  subjects: readonly Omit<Subject, 'bytes'>[],
): Promise<ReadonlyMap<string, number>> {
  if (subjects.length === 0) return new Map();
  const { rows } = await ctx.sql<{ id: string; bytes: number }>`
    SELECT t.id, 1000 + 40 * coalesce(cardinality(t.related_to), 0)
      + octet_length(concat(t.who, t.did, t.this, t.name, t.description, t.code, t.trace_id))
      + coalesce(octet_length(t.metadata::text), 0) + coalesce(octet_length(t.input::text), 0)
      + coalesce(octet_length(t.output::text), 0) + coalesce(octet_length(t.error::text), 0) AS bytes
    FROM unnest(${subjects.map(({ id }) => id)}::uuid[]) AS w (id) CROSS JOIN LATERAL (
      SELECT * FROM ledger.universal_registry r WHERE r.id = w.id ORDER BY r.seq DESC LIMIT 1) t`;
  return new Map(rows.map(({ id, bytes }) => [id, bytes]));
}

/** Subjects that already have a decision of this local date. */
async function decidedBefore(
  ctx: FunctionContext,
  night: Night,
  subjects: readonly Subject[],
): Promise<Set<string>> {
  if (subjects.length === 0) return new Set();
  const { rows } = await ctx.sql<{ id: string }>`
    SELECT w.id FROM unnest(${subjects.map(({ id }) => id)}::uuid[]) AS w (id)
    WHERE EXISTS (
      SELECT FROM ledger.universal_registry d
      WHERE d.parent_id = w.id AND d.entity_type = 'law.decision' AND d.metadata->>'local_date' = ${night.localDate}
        AND d.owner_id = ${ctx.env.APP_USER_ID} AND d.tenant_id = ${ctx.env.APP_TENANT_ID})`;
  return new Set(rows.map(({ id }) => id));
}

/** The end of each subject's hold for its current deadline, if it has one. */
async function readHolds(
  ctx: FunctionContext,
  subjects: readonly Subject[],
): Promise<ReadonlyMap<string, string>> {
  const waiting = subjects.filter(({ has_evidence, deadline }) => !has_evidence && deadline !== null);
  if (waiting.length === 0) return new Map();
  const { rows } = await ctx.sql<{ id: string; held_until: string }>`
    SELECT w.id, max(left(d.metadata->>'held_until', 64)) AS held_until
    FROM unnest(${waiting.map(({ id }) => id)}::uuid[], ${waiting.map(({ deadline }) => deadline)}::text[])
      AS w (id, deadline)
    JOIN ledger.universal_registry d
      ON d.parent_id = w.id AND d.entity_type = 'law.decision' AND d.status = 'doubt'
        AND left(d.metadata->>'deadline', 64) = w.deadline
        AND d.owner_id = ${ctx.env.APP_USER_ID} AND d.tenant_id = ${ctx.env.APP_TENANT_ID}
    WHERE d.metadata->>'held_until' IS NOT NULL
    GROUP BY w.id`;
  return new Map(rows.map(({ id, held_until }) => [id, held_until]));
}

function chunksOf(rulings: readonly { subject: Subject; ruling: Ruling }[]) {
  const chunks: { subject: Subject; ruling: Ruling }[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const one of rulings) {
    const last = chunks[chunks.length - 1];
    if (last === undefined || last.length >= MAX_CHUNK || bytes + one.subject.bytes > MAX_CHUNK_BYTES) {
      chunks.push([one]);
      bytes = one.subject.bytes;
    } else {
      last.push(one);
      bytes += one.subject.bytes;
    }
  }
  return chunks;
}

/** Appends a chunk at once; when that is refused, one subject at a time, so that one subject does not fail the others. */
async function write(
  ctx: FunctionContext,
  night: Night,
  chunk: readonly { subject: Subject; ruling: Ruling }[],
  report: Report,
): Promise<void> {
  const { rows } = await ctx.sql<SignedSpan>`
    SELECT t.* FROM unnest(${chunk.map(({ subject }) => subject.id)}::uuid[]) AS w (id) CROSS JOIN LATERAL (
      SELECT * FROM ledger.universal_registry r WHERE r.id = w.id ORDER BY r.seq DESC LIMIT 1) t`;
  const newest = new Map(rows.map((row) => [row.id, row]));
  const pairs: { id: string; ruling: Ruling; drafts: SpanDraft[] }[] = [];
  for (const { subject, ruling } of chunk) {
    const span = newest.get(subject.id);
    if (span === undefined || span.seq !== subject.seq) report.skipped.push(subject.id);
    else pairs.push({ id: subject.id, ruling, drafts: draftsOf(ctx, night, span, subject, ruling) });
  }
  const refusal = await insert(
    ctx,
    pairs.flatMap(({ drafts }) => drafts),
  );
  for (const { id, ruling, drafts } of pairs) {
    const refused = refusal === null || pairs.length === 1 ? refusal : await insert(ctx, drafts);
    if (refused === null) report[ruling.status] += 1;
    else if (refused.code === 'conflict') report.skipped.push(id);
    else report.broken.push({ id, reason: refused.message });
  }
}

/** Appends drafts. @returns the refusal; null on success. @throws errors that a retry of the run may resolve */
async function insert(
  ctx: FunctionContext,
  drafts: readonly SpanDraft[],
): Promise<{ code: string; message: string } | null> {
  if (drafts.length === 0) return null;
  try {
    await ctx.insertSpan(drafts);
    return null;
  } catch (error) {
    const { code, message } = error as { readonly code?: string; readonly message: string };
    // Transient: the run fails and is retried.
    if (code === undefined || code === 'unavailable' || code === 'busy') throw error;
    return { code, message };
  }
}

function draftsOf(
  ctx: FunctionContext,
  night: Night,
  span: SignedSpan,
  subject: Subject,
  { verdict, status, reason }: Ruling,
): SpanDraft[] {
  const content = Object.fromEntries(
    CONTENT.flatMap((name) => (span[name] === null || span[name] === undefined ? [] : [[name, span[name]]])),
  );
  const decision: SpanDraft = {
    id: decisionId(ctx, span.id, night.localDate),
    entity_type: 'law.decision',
    who: 'midnight_ruler',
    did: 'ruled',
    this: span.id,
    parent_id: span.id,
    related_to: [span.id],
    visibility: span.visibility,
    status: verdict,
    metadata: {
      verdict,
      reason,
      local_date: night.localDate,
      scheduled_for: night.scheduledFor,
      subject_seq: span.seq,
      ...(subject.deadline_type === 'string' ? { deadline: subject.deadline } : {}),
      ...(verdict === 'doubt' ? { held_until: night.heldUntil } : {}),
    },
  };
  const next = { ...content, id: span.id, seq: span.seq + 1, prev_hash: span.curr_hash, status };
  return [decision, next as unknown as SpanDraft];
}

/**
 * The id of the decision for a subject and a local date: a UUID of version 8 (RFC 9562) over BLAKE3. It covers the secret
 * key, so that nobody can compute the id and take it before the decision does.
 */
function decisionId({ crypto, env }: FunctionContext, subjectId: string, localDate: string): string {
  const text = `logline/law.decision/${subjectId}/${localDate}/${env.SIGNING_KEY_HEX ?? ''}`;
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index += 1) bytes[index] = text.charCodeAt(index);
  const digest = crypto.blake3(bytes).slice(0, 16);
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  return crypto.hex(digest).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
