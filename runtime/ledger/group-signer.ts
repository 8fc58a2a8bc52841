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

/** Dependencies of {@link GroupSigner}. */
export interface GroupSignerOptions {
  readonly database: Database;
  /** The current instance key; called for each group, so that it can be rotated. */
  readonly signingKey: () => SigningKey;
  readonly now: () => Date;
}

/** Groups of at least this many spans are signed on the signing thread; for fewer the message costs more than it saves. */
const SIGN_ON_THREAD_FROM = 16;

/** The cost of verifying a client's signature, in bytes that could be hashed in that time. */
const VERIFIED_BYTES = 4 * 1024;

/** Most groups sent to the signing thread at once: enough to keep it busy, few enough that tenants get fair turns. */
const GROUPS_ON_THREAD = 4;

/** Turns the drafts of one append into signed spans. */
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
   * Completes, links, hashes and signs the drafts, or checks the signatures of drafts that their client signed.
   * @param traceId `trace_id` of spans that have none and are signed by the server
   * @throws ForbiddenError for another owner or tenant; ConflictError or ForbiddenError when a span follows a version
   *   that does not exist or cannot be followed; MalformedError for an invalid kernel manifest; BadSignatureError
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
      const given = isClientSigned(span) ? hasher.checked(span) : hasher.hashed(linked(span, hashes), key);
      const next = given instanceof Promise ? await given : given;
      hashes.set(keyOf(span), next.span.curr_hash);
      prepared.push(next);
      // The cost of a span is known only now, so the next one's turn pays for it.
      bytes = 'hash' in next ? next.text.length : next.json.length + VERIFIED_BYTES;
    }
    return this.#signHashed(identity.tenant, prepared, key);
  }

  /** Signs the spans that are not signed yet. */
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

  /** Hashes of the stored versions that spans without a `prev_hash` follow, by `keyOf`. */
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

/** The spans, signed with the given signatures in the order of those that have none yet. */
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

/** Whether a span without a `prev_hash` follows a version that is neither stored nor earlier in the group. */
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

/** The span with `prev_hash` filled in. */
function linked(span: Span, hashes: ReadonlyMap<string, string>): Span {
  if (!isUnlinked(span)) return span;
  return { ...span, prev_hash: hashes.get(keyBefore(span)) };
}
