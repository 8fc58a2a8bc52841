import { type FairTurns, TURN_BYTES } from '../base/fair-turns';
import type { Pause } from '../base/slices';
import type { JsonValue, Span } from '../base/span';
import { blake3OfText, hex, type SigningKey } from '../crypto';
import { canonicalText, canonicalTextInSlices } from '../json/canonical-json';
import { payloadOf } from '../json/payload';
import { checkClientSignature, checkClientSignatureInSlices } from './span-draft';
import {
  type EncodedSpan,
  encodeSigned,
  type HashedSpan,
  hashedSpan,
  hashedSpanInSlices,
} from './span-signature';

/**
 * Hashes the spans of one append within its tenant's turns of the main thread: in slices if the group has many values,
 * else synchronously, since an await per small span would cost more than it saves.
 */
export class GroupHasher {
  readonly #turns: FairTurns;
  readonly #tenant: string;
  /** Undefined when spans are hashed synchronously. */
  readonly #pause: Pause | undefined;
  #comparedBytes = 0;

  constructor(turns: FairTurns, tenant: string, hasManyValues: boolean) {
    this.#turns = turns;
    this.#tenant = tenant;
    this.#pause = hasManyValues ? () => turns.take(tenant, TURN_BYTES) : undefined;
  }

  /** A turn for work on this many bytes of JSON; undefined when it may start at once. */
  turn(bytes: number): Promise<void> | undefined {
    return this.#turns.take(this.#tenant, bytes);
  }

  /** The RFC 8785 form of a value. */
  text(value: JsonValue): string | Promise<string> {
    return this.#pause === undefined ? canonicalText(value) : canonicalTextInSlices(value, this.#pause);
  }

  /** The span with `public_key` and `curr_hash`, not signed yet. */
  hashed(span: Span, key: SigningKey): HashedSpan | Promise<HashedSpan> {
    return this.#pause === undefined ? hashedSpan(span, key) : hashedSpanInSlices(span, key, this.#pause);
  }

  /**
   * Checks a span that its client signed.
   * @throws BadSignatureError when hash or signature does not match; MalformedError when a member has another form
   */
  checked(span: Span): EncodedSpan | Promise<EncodedSpan> {
    return this.#pause === undefined
      ? encodeSigned(checkClientSignature(span))
      : checkClientSignatureInSlices(span, this.#pause).then(encodeSigned);
  }

  /** The hash of a span as sent, to compare it with a stored one. Takes a turn itself. */
  async hashOf(span: Partial<Span>): Promise<string> {
    const turn = this.turn(this.#comparedBytes);
    if (turn !== undefined) await turn;
    const text = await this.text(payloadOf(span));
    this.#comparedBytes = text.length;
    return hex(blake3OfText(text));
  }
}
