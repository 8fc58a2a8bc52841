import { createHash } from 'node:crypto';
import { IdempotencyKeyReusedError, type LogLineError, QuotaExceededError } from '../base/errors';
import { FairShares } from '../base/fair-shares';
import { FairTurns, TURN_BYTES } from '../base/fair-turns';
import type { Identity } from '../base/identity';
import type { Pause } from '../base/slices';
import type { SignedSpan, Span } from '../base/span';
import { blake3OfText, hex, type SigningKey } from '../crypto';
import { asLogLineError, isChainViolation, isUniqueViolation } from '../db/database-error';
import type { Database } from '../db/pool';
import { runStatement } from '../db/query-as';
import { canonicalText, canonicalTextInSlices } from '../json/canonical-json';
import { payloadOf } from '../json/payload';
import type { AppendLimits } from './append-limits';
import {
  type AppendBatch,
  AppendQueue,
  type AppendQueueOptions,
  type IdempotencyRecord,
} from './append-queue';
import { asStored, conflictOf, type HashSpan, isSameContent } from './conflicts';
import { refuseBadManifest } from './manifest';
import {
  checkClientSignature,
  checkClientSignatureInSlices,
  completeSpan,
  isClientSigned,
  type SpanDraft,
} from './span-draft';
import { readSpanHeads, readSpans, type SpanHead } from './span-reader';
import {
  type EncodedSpan,
  encodeSigned,
  type HashedSpan,
  hashedSpan,
  hashedSpanInSlices,
  withSignature,
} from './span-signature';

type RequestFingerprint = Pick<IdempotencyRecord, 'key' | 'fingerprint'>;

/** What became of an append. */
export interface Appended {
  /** In the order of the drafts. */
  readonly spans: readonly SignedSpan[];
  /** The JSON of each span. */
  readonly json: readonly string[];
  /** False when every span was in the ledger before. */
  readonly created: boolean;
  /** The transaction that wrote them; undefined when nothing had to be written. */
  readonly txId: string | undefined;
}

export interface AppendOptions {
  /** The `Idempotency-Key` of the request. */
  readonly idempotencyKey?: string | undefined;
  /**
   * Whether the tenant's limits count, as they do for what its callers and its code append. Defaults to false: what the
   * ledger records by itself, such as the end of a run, is never refused.
   */
  readonly isLimited?: boolean;
  /** `trace_id` of spans that have none and are signed by the server. */
  readonly traceId?: string | undefined;
  /** Whether a draft holds so many values that hashing it is parted by turns of the thread. Defaults to false. */
  readonly hasManyValues?: boolean | undefined;
  /** Whether the pointers of faults begin with the index of the span. Defaults to whether there are several. */
  readonly isList?: boolean | undefined;
}

/** What one append is about. */
interface Work {
  readonly identity: Identity;
  readonly drafts: readonly SpanDraft[];
  readonly isList: boolean;
  /** Whether hashing a draft is parted by turns of the thread. */
  readonly hasManyValues: boolean;
}

export interface SpanWriterOptions extends AppendQueueOptions {
  readonly database: Database;
  /** The instance key of this moment; asked for at each append, so that it can be rotated. */
  readonly signingKey: () => SigningKey;
  /** What tenants may append. Defaults to no limit. */
  readonly limits?: AppendLimits | undefined;
  /** Defaults to the system clock. */
  readonly now?: () => Date;
  /** Days that an `Idempotency-Key` counts, at least 1. Defaults to 30. */
  readonly idempotencyDays?: number | undefined;
  /** Turns of the thread that serves. Defaults to turns of its own. */
  readonly turns?: FairTurns;
}

/** Rounds of "somebody was faster" before giving up; each round needs another writer at the same version. */
const MAX_ATTEMPTS = 3;

/**
 * From so many spans on they are signed on another thread, which costs this one 60 µs for all of them instead of 38 µs
 * for each. Single spans gain nothing by it: with 32 callers the two cores are busy anyway.
 */
const SIGN_ON_THREAD_FROM = 16;

/** The work of checking a client's signature, as bytes that could be hashed meanwhile. */
const VERIFIED_BYTES = 4 * 1024;

/**
 * Batches whose signatures the thread owes at once: it takes them in the order in which they come, so no more than keep
 * it busy are given to it, in turn by tenant.
 */
const BATCHES_ON_THREAD = 4;

/** Completes, signs and appends spans. The only way into the ledger. */
export class SpanWriter {
  readonly #database: Database;
  readonly #queue: AppendQueue;
  readonly #signingKey: () => SigningKey;
  readonly #limits: AppendLimits | undefined;
  readonly #now: () => Date;
  readonly #turns: FairTurns;
  readonly #idempotencyDays: number;
  readonly #signatures = new FairShares({ what: 'signatures under way', capacity: BATCHES_ON_THREAD });

  constructor(options: SpanWriterOptions) {
    this.#database = options.database;
    this.#queue = new AppendQueue(options.database, options);
    this.#signingKey = options.signingKey;
    this.#limits = options.limits;
    this.#now = options.now ?? (() => new Date());
    this.#turns = options.turns ?? new FairTurns();
    this.#idempotencyDays = options.idempotencyDays ?? 30;
  }

  /** When the last append failed through no fault of its caller; undefined when the last one did not. */
  get failedAtMs(): number | undefined {
    return this.#queue.failedAtMs;
  }

  /**
   * Appends all drafts, or none. A draft whose (id, seq) the ledger holds with the same content counts as
   * done, and the stored span is returned for it.
   * @throws ForbiddenError for another owner or tenant; MalformedError for a kernel manifest that cannot be; BadSignatureError for a client signature that does
   * not verify; ConflictError for gaps, forks or other content, listing them all; IdempotencyKeyReusedError;
   * QuotaExceededError when a limit counts;
   * UnavailableError when the database does not answer.
   */
  async append(
    identity: Identity,
    drafts: readonly SpanDraft[],
    options: AppendOptions = {},
  ): Promise<Appended> {
    const request = await this.#fingerprint(identity, drafts, options);
    if (request !== undefined) {
      const replayed = await this.#replay(identity, request);
      if (replayed !== undefined) return replayed;
    }
    const work: Work = {
      identity,
      drafts,
      isList: options.isList ?? drafts.length > 1,
      hasManyValues: options.hasManyValues === true,
    };
    const isLimited = options.isLimited === true;
    if (isLimited) await this.#limits?.takeSpans(identity, drafts.length);
    const signed = await this.#sign(work, options.traceId);
    const idempotency = request === undefined ? undefined : { ...request, ...keysOf(signed) };
    try {
      const txId = await this.#write({ identity, spans: signed, idempotency }, isLimited);
      return appended(signed, txId);
    } catch (error) {
      if (idempotency !== undefined && isUniqueViolation(error, 'idempotency_key_pkey')) {
        const replayed = await this.#replay(identity, idempotency);
        if (replayed !== undefined) return replayed;
        if (await this.#freeExpired(identity, idempotency.key)) return this.append(identity, drafts, options);
      }
      // A repeat takes no bytes of a limit, so what is stored already is looked for before one is refused.
      if (isUniqueViolation(error, 'universal_registry_pkey') || error instanceof QuotaExceededError) {
        return this.#appendRest(work, signed, idempotency, isLimited);
      }
      if (isChainViolation(error)) throw await this.#conflict(work, signed);
      throw asLogLineError(error);
    }
  }

  async #write(batch: AppendBatch, isLimited: boolean): Promise<string> {
    if (!isLimited || this.#limits === undefined) return this.#queue.append(batch);
    const bytes = batch.spans.reduce((sum, { json }) => sum + Buffer.byteLength(json), 0);
    const giveBack = this.#limits.takeBytes(batch.identity, bytes);
    try {
      return await this.#queue.append(batch);
    } catch (error) {
      giveBack();
      throw error;
    }
  }

  /** Some (id, seq) were taken: what is the same counts as done, the rest is appended. */
  async #appendRest(
    work: Work,
    signed: readonly EncodedSpan[],
    idempotency: IdempotencyRecord | undefined,
    isLimited: boolean,
  ): Promise<Appended> {
    const { identity } = work;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const stored = await this.#stored(identity, signed);
      const spans = await this.#reconcile(work, signed, stored);
      if (spans === undefined) break;
      const rest = [...new Set(spans)].filter(({ span }) => !stored.has(keyOf(span)));
      if (rest.length === 0) return appended(spans);
      try {
        const txId = await this.#write({ identity, spans: rest, idempotency }, isLimited);
        return appended(spans, txId);
      } catch (error) {
        if (isChainViolation(error)) break;
        if (!isUniqueViolation(error)) throw asLogLineError(error);
        // Taken, but not to be seen: it belongs to somebody else, or a writer committed in between.
        if (stored.size === 0 && attempt > 0) break;
      }
    }
    throw await this.#conflict(work, signed);
  }

  #conflict(work: Work, encoded: readonly { readonly span: Span }[]): Promise<LogLineError> {
    const spans = encoded.map(({ span }) => span);
    return conflictOf(this.#database, { ...work, spans, hash: this.#hash(work) });
  }

  /**
   * What is known already takes the place of what was sent, and versions after it follow its hash; undefined when
   * what is known has other content.
   */
  async #reconcile(
    work: Work,
    signed: readonly EncodedSpan[],
    stored: ReadonlyMap<string, SpanHead>,
  ): Promise<EncodedSpan[] | undefined> {
    const { identity, drafts } = work;
    const hash = this.#hash(work);
    const known = new Map<string, SpanHead>(stored);
    const settled = new Map<string, EncodedSpan>();
    const reconciled: EncodedSpan[] = [];
    for (const [index, encoded] of signed.entries()) {
      const turn = this.#turns.take(identity.tenant, encoded.json.length);
      if (turn !== undefined) await turn;
      const draft = drafts[index];
      const key = keyOf(encoded.span);
      const before = known.get(key);
      const isSame =
        before === undefined ||
        before.curr_hash === encoded.span.curr_hash ||
        (await isSameContent(before, encoded.span, draft, hash));
      if (!isSame) return undefined;
      const next =
        settled.get(key) ??
        (before === undefined
          ? await this.#relink(work, encoded, draft, known)
          : storedSpan(before, encoded.span, draft));
      settled.set(key, next);
      known.set(key, next.span);
      reconciled.push(next);
    }
    return reconciled;
  }

  /** The span behind the version that is stored, which may be another than the one it was hashed with. */
  async #relink(
    work: Work,
    encoded: EncodedSpan,
    draft: SpanDraft | undefined,
    known: ReadonlyMap<string, SpanHead>,
  ): Promise<EncodedSpan> {
    const { span } = encoded;
    const prevHash = known.get(keyOf({ id: span.id, seq: span.seq - 1 }))?.curr_hash;
    const isLinkedByUs = draft?.signature == null && draft?.prev_hash == null;
    if (!isLinkedByUs || prevHash === undefined || prevHash === span.prev_hash) return encoded;
    const key = this.#signingKey();
    const hashed = await this.#hashed(work, { ...span, prev_hash: prevHash }, key);
    return withSignature(hashed, key.sign(hashed.hash));
  }

  async #stored(identity: Identity, encoded: readonly EncodedSpan[]): Promise<ReadonlyMap<string, SpanHead>> {
    const keys = encoded.map(({ span }) => ({ id: span.id, seq: span.seq }));
    const heads = await readSpanHeads(this.#database, identity, keys);
    return new Map(heads.map((head) => [keyOf(head), head]));
  }

  async #fingerprint(
    identity: Identity,
    drafts: readonly SpanDraft[],
    { idempotencyKey, hasManyValues = false }: AppendOptions,
  ): Promise<RequestFingerprint | undefined> {
    if (idempotencyKey === undefined) return undefined;
    // The user is part of it: a key is the tenant's, but one user must not be handed another's private spans.
    const content = [identity.user, ...drafts.map((draft) => payloadOf(draft))];
    const text = hasManyValues
      ? await canonicalTextInSlices(content, this.#pause(identity.tenant))
      : canonicalText(content);
    return { key: idempotencyKey, fingerprint: createHash('sha256').update(text).digest('hex') };
  }

  #pause(tenant: string): Pause {
    return () => this.#turns.take(tenant, TURN_BYTES);
  }

  async #sign(work: Work, traceId: string | undefined): Promise<EncodedSpan[]> {
    const { identity, drafts, isList } = work;
    const now = this.#now();
    const complete = drafts.map((draft) => completeSpan(draft, identity, now, traceId));
    complete.forEach((span, index) => {
      refuseBadManifest(span, isList ? `/${index}` : '');
    });
    const hashes = await this.#knownHashes(identity, complete);
    if (hasGap(complete, hashes)) {
      throw await this.#conflict(
        work,
        complete.map((span) => ({ span })),
      );
    }
    const key = this.#signingKey();
    const prepared: (EncodedSpan | HashedSpan)[] = [];
    let bytes = 0;
    for (const span of complete) {
      const turn = this.#turns.take(identity.tenant, bytes);
      if (turn !== undefined) await turn;
      // A version needs only the hash of the one before, so signatures can wait until all is hashed.
      const given = isClientSigned(span)
        ? this.#checked(work, span)
        : this.#hashed(work, follow(span, hashes), key);
      // An await for each of a thousand small spans would cost more than it spares.
      const next = given instanceof Promise ? await given : given;
      hashes.set(keyOf(span), next.span.curr_hash);
      prepared.push(next);
      // What the span took is known only now; the next one waits for it.
      bytes = 'hash' in next ? next.text.length : next.json.length + VERIFIED_BYTES;
    }
    return this.#sealAll(identity.tenant, prepared, key);
  }

  #hashed({ identity, hasManyValues }: Work, span: Span, key: SigningKey): HashedSpan | Promise<HashedSpan> {
    return hasManyValues
      ? hashedSpanInSlices(span, key, this.#pause(identity.tenant))
      : hashedSpan(span, key);
  }

  #checked({ identity, hasManyValues }: Work, span: Span): EncodedSpan | Promise<EncodedSpan> {
    return hasManyValues
      ? checkClientSignatureInSlices(span, this.#pause(identity.tenant)).then(encodeSigned)
      : encodeSigned(checkClientSignature(span));
  }

  /** How what was sent is hashed once more, to be compared with what is stored: in the tenant's turns. */
  #hash({ identity: { tenant }, hasManyValues }: Work): HashSpan {
    const pause = this.#pause(tenant);
    let bytes = 0;
    return async (span) => {
      const turn = this.#turns.take(tenant, bytes);
      if (turn !== undefined) await turn;
      const payload = payloadOf(span);
      const text = hasManyValues ? await canonicalTextInSlices(payload, pause) : canonicalText(payload);
      bytes = text.length;
      return hex(blake3OfText(text));
    };
  }

  /** Signs what lacks a signature. */
  async #sealAll(
    tenant: string,
    prepared: readonly (EncodedSpan | HashedSpan)[],
    key: SigningKey,
  ): Promise<EncodedSpan[]> {
    const hashes = prepared.flatMap((span) => ('hash' in span ? [span.hash] : []));
    if (hashes.length < SIGN_ON_THREAD_FROM)
      return withSignatures(
        prepared,
        hashes.map((hash) => key.sign(hash)),
      );
    const release = await this.#signatures.take(tenant, 1);
    try {
      return withSignatures(prepared, await key.signOnThread(hashes));
    } finally {
      release();
    }
  }

  /** Hashes of the versions that unsigned drafts follow without saying so in `prev_hash`. */
  async #knownHashes(identity: Identity, spans: readonly Span[]): Promise<Map<string, string>> {
    const given = new Set(spans.map(keyOf));
    const wanted = spans
      .filter((span) => span.seq > 0 && span.prev_hash === undefined)
      .map(({ id, seq }) => ({ id, seq: seq - 1 }))
      .filter((key) => !given.has(keyOf(key)));
    if (wanted.length === 0) return new Map();
    const heads = await readSpanHeads(this.#database, identity, wanted);
    return new Map(heads.map((head) => [keyOf(head), head.curr_hash]));
  }

  /** Whether the key stood for a request of so long ago that it is free again. */
  async #freeExpired(identity: Identity, key: string): Promise<boolean> {
    const values = [identity.tenant, key, this.#idempotencyDays] as const;
    const freed = await runStatement(this.#database, identity, 'free_idempotency_key', [...values], 'write');
    return freed.length > 0;
  }

  async #replay(identity: Identity, idempotency: RequestFingerprint): Promise<Appended | undefined> {
    const [known] = await runStatement(this.#database, identity, 'idempotency_key', [
      identity.tenant,
      idempotency.key,
      this.#idempotencyDays,
    ]);
    if (known === undefined) return undefined;
    if (known.fingerprint !== idempotency.fingerprint) {
      throw new IdempotencyKeyReusedError(
        'This Idempotency-Key was used for another request of this tenant; send a fresh key.',
      );
    }
    // The key was committed with its spans, and those never change, so a second look sees them.
    const keys = known.span_ids.map((id, index) => ({ id, seq: known.span_seqs[index] ?? 0 }));
    const rows = new Map((await readSpans(this.#database, identity, keys)).map((row) => [keyOf(row), row]));
    const spans = keys.flatMap((key) => rows.get(keyOf(key)) ?? []);
    return appended(spans.map(encodeSigned));
  }
}

/** The spans with their signatures, which are given for those that lack one. */
function withSignatures(
  prepared: readonly (EncodedSpan | HashedSpan)[],
  signatures: readonly Uint8Array[],
): EncodedSpan[] {
  let next = 0;
  return prepared.map((span) => {
    if (!('hash' in span)) return span;
    const signature = signatures[next];
    next += 1;
    if (signature === undefined) throw new Error('a signature is missing');
    return withSignature(span, signature);
  });
}

function appended(encoded: readonly EncodedSpan[], txId?: string): Appended {
  return {
    spans: encoded.map(({ span }) => span),
    json: encoded.map(({ json }) => json),
    created: txId !== undefined,
    txId,
  };
}

/** The stored span that a repeat with the same content stands for: it need not be read. */
function storedSpan(head: SpanHead, sent: SignedSpan, draft: SpanDraft | undefined): EncodedSpan {
  return encodeSigned({
    ...asStored(head, sent, draft),
    public_key: head.public_key,
    curr_hash: head.curr_hash,
    signature: head.signature,
  });
}

/** Whether a span names no hash to follow and there is none that it could follow. */
function hasGap(spans: readonly Span[], hashes: ReadonlyMap<string, string>): boolean {
  const sent = new Set<string>();
  for (const span of spans) {
    const previous = keyOf({ id: span.id, seq: span.seq - 1 });
    if (isUnlinked(span) && !hashes.has(previous) && !sent.has(previous)) return true;
    sent.add(keyOf(span));
  }
  return false;
}

function isUnlinked(span: Span): boolean {
  return span.seq > 0 && span.prev_hash == null;
}

/** The span with the hash that it follows. */
function follow(span: Span, hashes: ReadonlyMap<string, string>): Span {
  if (!isUnlinked(span)) return span;
  return { ...span, prev_hash: hashes.get(keyOf({ id: span.id, seq: span.seq - 1 })) };
}

function keysOf(encoded: readonly EncodedSpan[]) {
  return { span_ids: encoded.map(({ span }) => span.id), span_seqs: encoded.map(({ span }) => span.seq) };
}

function keyOf({ id, seq }: { readonly id: string; readonly seq: number }): string {
  return `${id}/${seq}`;
}
