import { FairShares } from '../base/fair-shares';
import type { Span } from '../base/span';
import type { SigningKey } from '../crypto';
import type { Database } from '../db/pool';
import { conflictOf, type DraftGroup } from './conflicts';
import { refuseBadManifest } from './manifest';
import { completeSpan, isClientSigned } from './span-draft';
import { keyBefore, keyOf } from './span-key';
import { readSpanHeads } from './span-reader';
import { type EncodedSpan, type HashedSpan, withSignature } from './span-signature';

export interface GroupSignerOptions {
  readonly database: Database;
  /** The instance key of this moment; asked for at each group, so that it can be rotated. */
  readonly signingKey: () => SigningKey;
  readonly now: () => Date;
}

/**
 * From so many spans on they are signed on another thread, which costs this one 60 µs for all of them instead of 38 µs
 * for each. Single spans gain nothing by it: with 32 callers the two cores are busy anyway.
 */
const SIGN_ON_THREAD_FROM = 16;

/** The work of checking a client's signature, as bytes that could be hashed meanwhile. */
const VERIFIED_BYTES = 4 * 1024;

/**
 * Groups whose signatures the thread owes at once: it takes them in the order in which they come, so no more than keep
 * it busy are given to it, in turn by tenant.
 */
const GROUPS_ON_THREAD = 4;

/** Makes signed spans of the drafts of one append. */
export class GroupSigner {
  readonly #database: Database;
  readonly #signingKey: () => SigningKey;
  readonly #now: () => Date;
  readonly #signatures = new FairShares({ what: 'signatures under way', capacity: GROUPS_ON_THREAD });

  constructor({ database, signingKey, now }: GroupSignerOptions) {
    this.#database = database;
    this.#signingKey = signingKey;
    this.#now = now;
  }

  /**
   * Completes, links, hashes and signs the drafts; of those that their client signed it checks the signature.
   * @param traceId `trace_id` of spans that have none and are signed by the server
   * @throws ConflictError or ForbiddenError when there is no version that one could follow; MalformedError for a
   * kernel manifest that cannot be; BadSignatureError.
   */
  async sign(group: DraftGroup, traceId: string | undefined): Promise<EncodedSpan[]> {
    const { identity, drafts, isList, hasher } = group;
    const now = this.#now();
    const complete = drafts.map((draft) => completeSpan(draft, identity, now, traceId));
    complete.forEach((span, index) => {
      refuseBadManifest(span, isList ? `/${index}` : '');
    });
    const hashes = await this.#hashesBefore(group, complete);
    if (hasGap(complete, hashes)) throw await conflictOf(this.#database, { ...group, spans: complete });
    const key = this.#signingKey();
    const prepared: (EncodedSpan | HashedSpan)[] = [];
    let bytes = 0;
    for (const span of complete) {
      const turn = hasher.turn(bytes);
      if (turn !== undefined) await turn;
      // A version needs only the hash of the one before, so signatures can wait until all is hashed.
      const given = isClientSigned(span) ? hasher.checked(span) : hasher.hashed(follow(span, hashes), key);
      const next = given instanceof Promise ? await given : given;
      hashes.set(keyOf(span), next.span.curr_hash);
      prepared.push(next);
      // What the span took is known only now; the next one waits for it.
      bytes = 'hash' in next ? next.text.length : next.json.length + VERIFIED_BYTES;
    }
    return this.#signHashed(identity.tenant, prepared, key);
  }

  /** Signs what lacks a signature. */
  async #signHashed(
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
  async #hashesBefore({ identity }: DraftGroup, spans: readonly Span[]): Promise<Map<string, string>> {
    const given = new Set(spans.map(keyOf));
    const wanted = spans
      .filter((span) => span.seq > 0 && span.prev_hash === undefined)
      .map(({ id, seq }) => ({ id, seq: seq - 1 }))
      .filter((key) => !given.has(keyOf(key)));
    if (wanted.length === 0) return new Map();
    const heads = await readSpanHeads(this.#database, identity, wanted);
    return new Map([...heads].map(([key, head]) => [key, head.curr_hash]));
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

/** Whether a span names no hash to follow and there is none that it could follow. */
function hasGap(spans: readonly Span[], hashes: ReadonlyMap<string, string>): boolean {
  const sent = new Set<string>();
  for (const span of spans) {
    const previous = keyBefore(span);
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
  return { ...span, prev_hash: hashes.get(keyBefore(span)) };
}
