import { ConflictError, type Fault, ForbiddenError, type LogLineError } from '../base/errors';
import type { Identity } from '../base/identity';
import type { Span } from '../base/span';
import type { Database } from '../db/pool';
import { inTransaction } from '../db/transaction';
import { MAX_FAULTS } from '../json/parse-with';
import type { GroupHasher } from './group-hasher';
import type { SpanDraft } from './span-draft';
import { keyBefore, keyOf } from './span-key';
import { readSpanHeads, type SpanHead } from './span-reader';

/** Drafts of one caller that are appended together or not at all. */
export interface DraftGroup {
  readonly identity: Identity;
  readonly drafts: readonly SpanDraft[];
  /** Whether JSON pointers of faults begin with the index of the span. */
  readonly isList: boolean;
  readonly hasher: GroupHasher;
}

/** A group that the ledger refused, or would refuse. */
export interface RefusedAppend extends DraftGroup {
  /** The completed drafts, with hashes as far as known. */
  readonly spans: readonly Span[];
}

/** What the conflict checks need of a version. */
interface VersionHead {
  readonly owner_id: string;
  readonly tenant_id: string;
  /** Undefined for a version of the same request that is not hashed yet. */
  readonly curr_hash?: string | null | undefined;
}

/**
 * The error for a refused append, naming every span in conflict. About versions that the caller may not read it reveals
 * only that they cannot be followed; for a first version it must reveal that the id is taken.
 */
export async function conflictOf(database: Database, refused: RefusedAppend): Promise<LogLineError> {
  const { identity, drafts, spans, isList } = refused;
  const known: KnownVersions = {
    stored: await readSpanHeads(database, identity, spans),
    before: await versionsBefore(database, identity, spans),
    sent: firstIndices(spans),
  };
  const details = new Map<number, string>();
  for (const [index, span] of spans.entries()) {
    const verdict = await conflictAt(refused, index, span, known);
    if (verdict instanceof ForbiddenError) return verdict;
    if (verdict !== undefined) details.set(index, verdict);
  }
  // Only ids that the caller chose can be taken.
  const isUnseen = (span: Span, index: number) =>
    span.seq === 0 && drafts[index]?.id != null && !known.stored.has(keyOf(span));
  const taken = await takenIds(database, identity, spans.filter(isUnseen));
  for (const [index, span] of spans.entries()) {
    if (span.seq === 0 && taken.has(span.id)) details.set(index, 'this id is taken by other content');
  }
  const faults: Fault[] = [...details]
    .sort(([one], [other]) => one - other)
    .map(([index, detail]) => ({ pointer: isList ? `/${index}` : '', detail }));
  return conflictError(faults);
}

/** An error that lists the first 100 conflicts. */
function conflictError(faults: readonly Fault[]): ConflictError {
  const [first] = faults;
  if (first === undefined) {
    return new ConflictError('The same entities were written concurrently; read them and retry.');
  }
  const detail =
    faults.length === 1
      ? `${first.pointer === '' ? 'The span' : `Span ${first.pointer}`} conflicts with the ledger: ${first.detail}.`
      : `${faults.length} spans conflict with the ledger; see errors.`;
  return new ConflictError(detail, { faults: faults.slice(0, MAX_FAULTS) });
}

/** The versions that an append is compared with, by `keyOf`. */
interface KnownVersions {
  readonly stored: ReadonlyMap<string, SpanHead>;
  /** The stored versions that the spans follow. */
  readonly before: ReadonlyMap<string, VersionHead>;
  /** First index of each version in the request. */
  readonly sent: ReadonlyMap<string, number>;
}

async function conflictAt(
  { drafts, spans, hasher }: RefusedAppend,
  index: number,
  span: Span,
  { stored, before, sent }: KnownVersions,
): Promise<string | ForbiddenError | undefined> {
  const first = sent.get(keyOf(span)) ?? index;
  const same = stored.get(keyOf(span)) ?? (first < index ? spans[first] : undefined);
  if (same !== undefined) {
    if (await isSameContent(same, span, drafts[index], hasher)) return undefined;
    return isOfOneOwner(same, span)
      ? `version ${span.seq} of this id is taken by other content; append version ${span.seq + 1} instead`
      : 'this id is taken by other content';
  }
  if (span.seq === 0) return undefined;
  const previous = keyBefore(span);
  const previousIndex = sent.get(previous);
  // A span with a prev_hash may come before the version that it follows.
  const isReachable = previousIndex !== undefined && (previousIndex < index || span.prev_hash != null);
  const followed = before.get(previous) ?? (isReachable ? spans[previousIndex] : undefined);
  if (followed === undefined) {
    return `gap: there is no version ${span.seq - 1} of this id that you can follow; read the entity for its newest seq`;
  }
  if (!isOfOneOwner(followed, span)) {
    return new ForbiddenError('Only the owner of an entity may append a version to it.');
  }
  const isFork =
    followed.curr_hash != null && span.prev_hash != null && followed.curr_hash !== span.prev_hash;
  return isFork
    ? `fork: prev_hash is not the curr_hash of version ${span.seq - 1}; read that version and follow it`
    : undefined;
}

function firstIndices(spans: readonly Span[]): ReadonlyMap<string, number> {
  const indices = new Map<string, number>();
  for (const [index, span] of spans.entries()) {
    if (!indices.has(keyOf(span))) indices.set(keyOf(span), index);
  }
  return indices;
}

/**
 * Whether a span was sent with the content that is stored, up to what the server fills in. Compares hashes, so that the
 * stored content, which may be large, is never read.
 */
export async function isSameContent(
  stored: StoredHead,
  sent: Span,
  draft: SpanDraft | undefined,
  hasher: GroupHasher,
): Promise<boolean> {
  return (
    (await hasher.hashOf(asStored(stored, sent, draft))) ===
    (stored.curr_hash ?? (await hasher.hashOf(stored)))
  );
}

/** A stored version, or an earlier one of the same request that may not be hashed yet. */
type StoredHead = SpanHead | Span;

/**
 * The span as sent, with the members that the server fills in at each attempt (`at`, `trace_id`, `prev_hash`,
 * `public_key`) taken from the stored version.
 */
export function asStored<Sent extends Span>(
  stored: StoredHead,
  sent: Sent,
  draft: SpanDraft | undefined,
): Sent {
  return {
    ...sent,
    at: draft?.at == null ? stored.at : sent.at,
    trace_id: draft?.trace_id == null ? stored.trace_id : sent.trace_id,
    prev_hash: draft?.prev_hash == null ? stored.prev_hash : sent.prev_hash,
    public_key: draft?.public_key == null ? stored.public_key : sent.public_key,
  };
}

function isOfOneOwner(one: VersionHead, other: VersionHead): boolean {
  return one.owner_id === other.owner_id && one.tenant_id === other.tenant_id;
}

function versionsBefore(
  database: Database,
  identity: Identity,
  spans: readonly Span[],
): Promise<ReadonlyMap<string, SpanHead>> {
  const keys = spans.filter(({ seq }) => seq > 0).map(({ id, seq }) => ({ id, seq: seq - 1 }));
  return readSpanHeads(database, identity, keys);
}

/**
 * The ids that are taken, also by spans that the caller may not read. Only the primary key knows, so the spans are
 * inserted and the insert is rolled back.
 */
async function takenIds(
  database: Database,
  { user, tenant }: Identity,
  spans: readonly Span[],
): Promise<ReadonlySet<string>> {
  if (spans.length === 0) return new Set();
  const ids = [...new Set(spans.map(({ id }) => id))];
  const free = await inTransaction(database, { user, tenant }, async ({ client }) => {
    await client.query('SAVEPOINT probe');
    const { rows } = await client.query<{ id: string }>(PROBE, [ids, user, tenant]);
    await client.query('ROLLBACK TO SAVEPOINT probe');
    return new Set(rows.map(({ id }) => id));
  });
  return new Set(ids.filter((id) => !free.has(id)));
}

const PROBE = `INSERT INTO ledger.universal_registry
    (id, seq, entity_type, who, this, at, owner_id, tenant_id, curr_hash, signature, public_key)
  SELECT id, 0, 'probe', 'probe', 'probe', now(), $2, $3, repeat('0', 64), repeat('0', 128), repeat('0', 64)
  FROM unnest($1::uuid[]) AS id ON CONFLICT DO NOTHING RETURNING id`;
