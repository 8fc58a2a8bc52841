import { setTimeout } from 'node:timers/promises';
import type { Caller } from '../auth';
import { BootRefusedError, NotFoundError } from '../base/errors';
import { NOBODY } from '../base/identity';
import type { SignedSpan } from '../base/span';
import type { Database } from '../db/pool';
import { runStatement } from '../db/query-as';
import { parseWith } from '../json/parse-with';
import { parseManifest } from '../ledger/manifest';
import { readLatest, readSpans } from '../ledger/span-reader';
import { spanOfRow } from '../ledger/span-row';
import { toBase64 } from '../proofs/base64';
import { leafText } from '../proofs/leaf';
import { type Inclusion, LogReader } from '../proofs/log-reader';
import { tlogProofText } from '../proofs/tlog-proof';
import { type Answer, json } from './answer';
import { identityOf } from './authenticate';
import type { Handler } from './handlers';
import { parseQuery } from './query';
import { withReadDatabase } from './read-database';
import { withReadShare } from './read-share';
import type { Stage0 } from './stage0';
import { validateIdPath, validateProofQuery } from './validators.generated';

/** Largest PostgreSQL integer. */
const MAX_SEQ = 2_147_483_647;
/** Longest wait of `Prefer: wait=N`. */
const MAX_WAIT_S = 20;
const LOOK_MS = 200;
/** Most answers that wait; further ones are sent at once. */
const MAX_WAITING = 200;

const KERNEL_MANIFEST = 'kernel_manifest';
const NO_SUCH_SPAN = 'There is no such span for you.';

let waiting = 0;

/**
 * `GET /api/spans/{id}/proof`: that the span is in the log of its tenant, for callers that may read it. The proof tells how
 * many spans the tenant has, so strangers get it only of tenants that the manifest names.
 */
export const readProof: Handler = async (stage0, { request, caller, path }) => {
  const { id } = parseWith<{ id: string }>(validateIdPath, path, 'The path');
  const query = parseQuery<{ seq?: string }>(request, validateProofQuery);
  const look = (database: Database, waitSeconds: number): Promise<Found> =>
    find(stage0, database, { request, caller, id: id.toLowerCase(), seqText: query.seq, waitSeconds });
  const { span, proof } = await withReadDatabase(stage0, request, undefined, async (database, isReplica) => {
    if (!isReplica) return look(database, waitSecondsOf(request));
    // A proof never changes, so the reader serves it; the writer, if the reader does not have it yet.
    const found = await look(database, 0).catch((error) => {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    });
    return found?.proof === undefined ? look(stage0.database, waitSecondsOf(request)) : found;
  });
  if (proof === undefined) {
    const detail = 'This span is not sealed yet; ask again in a second, or send Prefer: wait=10.';
    return json(202, { sealed: false, detail }, { 'retry-after': '1' });
  }
  return acceptsJson(request) ? jsonProof(span, proof) : textProof(proof);
};

interface Found {
  readonly span: SignedSpan;
  /** Undefined for a span that is not sealed yet. */
  readonly proof: Inclusion | undefined;
}

interface Wanted {
  readonly request: Request;
  readonly caller: Caller | undefined;
  readonly id: string;
  readonly seqText: string | undefined;
  readonly waitSeconds: number;
}

/** @throws NotFoundError when there is no such span for the caller, or no proof of it for strangers */
async function find(
  stage0: Stage0,
  database: Database,
  { request, caller, id, seqText, waitSeconds }: Wanted,
): Promise<Found> {
  // Not held while waiting, or a few callers would hold up the reads of their tenant.
  const shared = <T>(work: () => Promise<T>): Promise<T> => withReadShare(stage0, identityOf(caller), work);
  const span = await shared(async () => {
    const found = await spanOf(database, caller, id, seqText);
    if (caller?.tenant !== found.tenant_id && !(await isPublicTenant(stage0, found.tenant_id)))
      throw new NotFoundError(NO_SUCH_SPAN);
    return found;
  });
  const reader = new LogReader(database, span.tenant_id);
  const look = () => shared(() => reader.inclusion(span.id, span.seq));
  return { span, proof: await sealedWithin(look, waitSeconds, request.signal) };
}

async function spanOf(
  database: Database,
  caller: Caller | undefined,
  id: string,
  seqText: string | undefined,
): Promise<SignedSpan> {
  const identity = identityOf(caller);
  const seq = Number(seqText);
  const span =
    seqText === undefined
      ? await readLatest(database, identity, id)
      : seq > MAX_SEQ
        ? undefined
        : (await readSpans(database, identity, [{ id, seq }]))[0];
  if (span === undefined) throw new NotFoundError(NO_SUCH_SPAN);
  return span;
}

async function sealedWithin(
  look: () => Promise<Inclusion | undefined>,
  waitSeconds: number,
  signal: AbortSignal,
): Promise<Inclusion | undefined> {
  const untilMs = performance.now() + 1_000 * waitSeconds;
  let proof = await look();
  if (proof !== undefined || waitSeconds === 0 || waiting >= MAX_WAITING) return proof;
  waiting += 1;
  try {
    while (proof === undefined && performance.now() < untilMs && !signal.aborted) {
      await setTimeout(LOOK_MS);
      proof = await look();
    }
    return proof;
  } finally {
    waiting -= 1;
  }
}

/** `Prefer: wait=N` (RFC 7240), at most 20 s. */
function waitSecondsOf(request: Request): number {
  const [, seconds] =
    /(?:^|[,\s])wait=(\d{1,5})(?:$|[,;\s])/i.exec(request.headers.get('prefer') ?? '') ?? [];
  return Math.min(Number(seconds ?? 0), MAX_WAIT_S);
}

function acceptsJson(request: Request): boolean {
  const accept = request.headers.get('accept') ?? '';
  return /application\/json/i.test(accept) && !/text\/plain/i.test(accept);
}

function textProof({ index, hashes, checkpoint }: Inclusion): Answer {
  const headers = { 'content-type': 'text/plain; charset=utf-8', vary: 'Accept' };
  return { status: 200, headers, text: tlogProofText({ index, hashes, checkpoint: checkpoint.note }) };
}

function jsonProof(span: SignedSpan, { index, hashes, checkpoint }: Inclusion): Answer {
  return json(
    200,
    {
      leaf: leafText(span),
      index,
      size: checkpoint.size,
      hashes: hashes.map(toBase64),
      checkpoint: checkpoint.note,
    },
    { vary: 'Accept' },
  );
}

/** Whether the manifest lets strangers have proofs of this tenant's public spans. */
async function isPublicTenant({ database, trustedKeys }: Stage0, tenant: string): Promise<boolean> {
  const [row] = await runStatement(database, NOBODY, 'manifest', [KERNEL_MANIFEST, '']);
  try {
    return parseManifest(
      row === undefined ? undefined : spanOfRow(row),
      trustedKeys(),
    ).publicTenants.includes(tenant);
  } catch (error) {
    if (error instanceof BootRefusedError) return false;
    throw error;
  }
}
