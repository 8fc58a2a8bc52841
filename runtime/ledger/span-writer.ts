import { type LogLineError, QuotaExceededError } from '../base/errors';
import { FairTurns } from '../base/fair-turns';
import type { Identity } from '../base/identity';
import type { SignedSpan } from '../base/span';
import type { SigningKey } from '../crypto';
import { asLogLineError, isChainViolation, isUniqueViolation } from '../db/database-error';
import type { Database } from '../db/pool';
import type { AppendLimits } from './append-limits';
import {
  type AppendBatch,
  AppendQueue,
  type AppendQueueOptions,
  type IdempotencyRecord,
} from './append-queue';
import { conflictOf, type DraftGroup } from './conflicts';
import { GroupHasher } from './group-hasher';
import { GroupSigner } from './group-signer';
import { IdempotencyKeys, type RequestFingerprint, requestFingerprint } from './idempotency';
import { reconcile } from './repeated-spans';
import type { SpanDraft } from './span-draft';
import { keyOf } from './span-key';
import { readSpanHeads } from './span-reader';
import { type EncodedSpan, encodeSigned } from './span-signature';

/** The result of an append. */
export interface Appended {
  /** In the order of the drafts. */
  readonly spans: readonly SignedSpan[];
  /** The JSON of each span. */
  readonly json: readonly string[];
  /** False when the ledger already had every span. */
  readonly created: boolean;
  /** Id of the transaction that wrote them; undefined when nothing was written. */
  readonly txId: string | undefined;
}

/** Options of {@link SpanWriter.append}. */
export interface AppendOptions {
  /** The `Idempotency-Key` of the request. */
  readonly idempotencyKey?: string | undefined;
  /**
   * Whether the tenant's append limits apply, as they do to its callers and code. Defaults to false: LogLine's own
   * records, such as the end of a run, are never refused.
   */
  readonly isLimited?: boolean;
  /** `trace_id` of spans that have none and are signed by the server. Defaults to none. */
  readonly traceId?: string | undefined;
  /** Whether a draft has so many values that it is hashed in slices, with pauses between them. Defaults to false. */
  readonly hasManyValues?: boolean | undefined;
  /** Whether JSON pointers of faults begin with the index of the span. Defaults to whether there are several. */
  readonly isList?: boolean | undefined;
}

/** Options of {@link SpanWriter}. */
export interface SpanWriterOptions extends AppendQueueOptions {
  readonly database: Database;
  /** The current instance key; called for each append, so that it can be rotated. */
  readonly signingKey: () => SigningKey;
  /** Append limits of tenants. Defaults to none. */
  readonly limits?: AppendLimits | undefined;
  /** Defaults to the system clock. */
  readonly now?: () => Date;
  /** Days that an `Idempotency-Key` is valid, at least 1. Defaults to 30. */
  readonly idempotencyDays?: number | undefined;
  /** Turns of the main thread, shared with other work. Defaults to turns of its own. */
  readonly turns?: FairTurns;
}

/** Attempts when other writers append the same versions concurrently. */
const MAX_ATTEMPTS = 3;

/** Completes, signs and appends spans. Only imports bypass it. */
export class SpanWriter {
  readonly #database: Database;
  readonly #queue: AppendQueue;
  readonly #signingKey: () => SigningKey;
  readonly #limits: AppendLimits | undefined;
  readonly #turns: FairTurns;
  readonly #signer: GroupSigner;
  readonly #idempotency: IdempotencyKeys;

  constructor(options: SpanWriterOptions) {
    const { database, signingKey, now = () => new Date(), turns = new FairTurns() } = options;
    this.#database = database;
    this.#queue = new AppendQueue(database, options);
    this.#signingKey = signingKey;
    this.#limits = options.limits;
    this.#turns = turns;
    this.#signer = new GroupSigner({ database, signingKey, now });
    this.#idempotency = new IdempotencyKeys(database, options.idempotencyDays ?? 30);
  }

  /** When the last append failed, unless by its caller's fault; undefined when it did not. */
  get failedAtMs(): number | undefined {
    return this.#queue.failedAtMs;
  }

  /**
   * Appends all drafts or none. For a draft whose (id, seq) the ledger already has with the same content, the stored span
   * is returned.
   * @throws ForbiddenError for another owner or tenant; MalformedError for an invalid kernel manifest; BadSignatureError
   *   for a client signature that does not verify; ConflictError for gaps, forks or other content, listing them all;
   *   IdempotencyKeyReusedError; QuotaExceededError for an append limit; ShareUsedUpError when the queue is full of the
   *   tenant's spans; UnavailableError when the database does not answer
   */
  async append(
    identity: Identity,
    drafts: readonly SpanDraft[],
    options: AppendOptions = {},
  ): Promise<Appended> {
    const hasher = new GroupHasher(this.#turns, identity.tenant, options.hasManyValues === true);
    const group = { identity, drafts, isList: options.isList ?? drafts.length > 1, hasher };
    const { idempotencyKey } = options;
    const request =
      idempotencyKey === undefined ? undefined : await requestFingerprint(idempotencyKey, group);
    if (request !== undefined) {
      const replayed = await this.#replay(identity, request);
      if (replayed !== undefined) return replayed;
    }
    const isLimited = options.isLimited === true;
    if (isLimited) await this.#limits?.takeSpans(identity, drafts.length);
    const signed = await this.#signer.sign(group, options.traceId);
    const idempotency = request === undefined ? undefined : { ...request, ...keysOf(signed) };
    try {
      const txId = await this.#write({ identity, spans: signed, idempotency }, isLimited);
      return appended(signed, txId);
    } catch (error) {
      if (idempotency !== undefined && isUniqueViolation(error, 'idempotency_key_pkey')) {
        const replayed = await this.#replay(identity, idempotency);
        if (replayed !== undefined) return replayed;
        if (await this.#idempotency.freeExpired(identity, idempotency.key))
          return this.append(identity, drafts, options);
      }
      // Spans that are already stored use no quota, so they are looked up before a limit refuses the append.
      if (isUniqueViolation(error, 'universal_registry_pkey') || error instanceof QuotaExceededError) {
        return this.#appendRest(group, signed, idempotency, isLimited);
      }
      if (isChainViolation(error)) throw await this.#conflict(group, signed);
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

  /** Appends the spans that the ledger does not have yet. */
  async #appendRest(
    group: DraftGroup,
    signed: readonly EncodedSpan[],
    idempotency: IdempotencyRecord | undefined,
    isLimited: boolean,
  ): Promise<Appended> {
    const { identity } = group;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const keys = signed.map(({ span: { id, seq } }) => ({ id, seq }));
      const stored = await readSpanHeads(this.#database, identity, keys);
      const spans = await reconcile(group, signed, stored, this.#signingKey());
      if (spans === undefined) break;
      const rest = [...new Set(spans)].filter(({ span }) => !stored.has(keyOf(span)));
      if (rest.length === 0) return appended(spans);
      try {
        const txId = await this.#write({ identity, spans: rest, idempotency }, isLimited);
        return appended(spans, txId);
      } catch (error) {
        if (isChainViolation(error)) break;
        if (!isUniqueViolation(error)) throw asLogLineError(error);
        // Taken but not visible: it belongs to another owner, or was committed after the read.
        if (stored.size === 0 && attempt > 0) break;
      }
    }
    throw await this.#conflict(group, signed);
  }

  #conflict(group: DraftGroup, encoded: readonly EncodedSpan[]): Promise<LogLineError> {
    return conflictOf(this.#database, { ...group, spans: encoded.map(({ span }) => span) });
  }

  async #replay(identity: Identity, request: RequestFingerprint): Promise<Appended | undefined> {
    const spans = await this.#idempotency.replay(identity, request);
    return spans === undefined ? undefined : appended(spans.map(encodeSigned));
  }
}

function appended(encoded: readonly EncodedSpan[], txId?: string): Appended {
  return {
    spans: encoded.map(({ span }) => span),
    json: encoded.map(({ json }) => json),
    created: txId !== undefined,
    txId,
  };
}

function keysOf(encoded: readonly EncodedSpan[]) {
  return { span_ids: encoded.map(({ span }) => span.id), span_seqs: encoded.map(({ span }) => span.seq) };
}
