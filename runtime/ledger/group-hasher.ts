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
 * Hashes what one append is about, in its tenant's turns of the thread: what has many values in slices, the rest at
 * once. An await for each of a thousand small spans would cost more than it spares, so only slices are promises.
 */
export class GroupHasher {
  readonly #turns: FairTurns;
  readonly #tenant: string;
  /** Undefined for a group without many values. */
  readonly #pause: Pause | undefined;
  #comparedBytes = 0;

  constructor(turns: FairTurns, tenant: string, hasManyValues: boolean) {
    this.#turns = turns;
    this.#tenant = tenant;
    this.#pause = hasManyValues ? () => turns.take(tenant, TURN_BYTES) : undefined;
  }

  /** A turn for work on so many bytes of JSON; undefined when it may begin at once. */
  turn(bytes: number): Promise<void> | undefined {
    return this.#turns.take(this.#tenant, bytes);
  }

  /** The RFC 8785 form of a value. */
  text(value: JsonValue): string | Promise<string> {
    return this.#pause === undefined ? canonicalText(value) : canonicalTextInSlices(value, this.#pause);
  }

  /** The span with all but its signature. */
  hashed(span: Span, key: SigningKey): HashedSpan | Promise<HashedSpan> {
    return this.#pause === undefined ? hashedSpan(span, key) : hashedSpanInSlices(span, key, this.#pause);
  }

  /**
   * A span that its client signed.
   * @throws BadSignatureError when the signature does not hold.
   */
  checked(span: Span): EncodedSpan | Promise<EncodedSpan> {
    return this.#pause === undefined
      ? encodeSigned(checkClientSignature(span))
      : checkClientSignatureInSlices(span, this.#pause).then(encodeSigned);
  }

  /** The `curr_hash` of what was sent, to be compared with what is stored. Waits for a turn by itself. */
  async hashOf(span: Partial<Span>): Promise<string> {
    const turn = this.turn(this.#comparedBytes);
    if (turn !== undefined) await turn;
    const text = await this.text(payloadOf(span));
    this.#comparedBytes = text.length;
    return hex(blake3OfText(text));
  }
}
