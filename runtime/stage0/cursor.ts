import { createHmac, timingSafeEqual } from 'node:crypto';
import { deriveSeed } from '../auth';
import { MalformedError } from '../base/errors';
import type { JsonValue } from '../base/span';
import { type SigningKey, toU8 } from '../crypto';
import { canonicalText } from '../json/canonical-json';
import type { TimelinePosition } from '../ledger/timeline';

const CURSOR_KEY_LABEL = 'logline/cursor/v1';
/** HMAC-SHA-256 cut to 128 bits (RFC 2104 section 5 allows half). */
const MAC_BYTES = 16;

/**
 * Makes and reads the cursors of listings: a position and a MAC over it and the query it belongs to. A
 * cursor that was edited, or that is used with another query or by another caller, does not verify.
 */
export class CursorSealer {
  readonly #keys: readonly Buffer[];

  /** @param keys the instance keys whose cursors count; the first one makes new ones. */
  constructor(keys: readonly SigningKey[]) {
    this.#keys = keys.map((key) => Buffer.from(deriveSeed(toU8(key.secretKeyHex()), CURSOR_KEY_LABEL)));
  }

  seal(position: TimelinePosition, query: JsonValue): string {
    const [key] = this.#keys;
    if (key === undefined) throw new TypeError('cursor sealer: no key');
    const body = Buffer.from(JSON.stringify(fieldsOf(position)));
    return Buffer.concat([mac(key, body, query), body]).toString('base64url');
  }

  /** @throws MalformedError when the cursor is not one that `seal` made for this query. */
  open(cursor: string, query: JsonValue): TimelinePosition {
    const bytes = Buffer.from(cursor, 'base64url');
    const given = bytes.subarray(0, MAC_BYTES);
    const body = bytes.subarray(MAC_BYTES);
    const isOurs =
      given.length === MAC_BYTES &&
      bytes.toString('base64url') === cursor &&
      this.#keys.some((key) => timingSafeEqual(given, mac(key, body, query)));
    if (!isOurs) {
      const detail =
        'is not a cursor of this query; start again without one, and change no filter between pages';
      throw new MalformedError('The cursor does not fit.', { faults: [{ pointer: '/cursor', detail }] });
    }
    return positionOf(JSON.parse(body.toString()) as readonly string[]);
  }
}

function mac(key: Buffer, body: Buffer, query: JsonValue): Buffer {
  return createHmac('sha256', key)
    .update(canonicalText(query))
    .update('\0')
    .update(body)
    .digest()
    .subarray(0, MAC_BYTES);
}

function fieldsOf(position: TimelinePosition): readonly string[] {
  return position.order === 'feed'
    ? ['feed', position.txId, position.ordinal]
    : [position.order, position.snapshot, position.at, position.id, String(position.seq)];
}

/** The fields were sealed by us, so their form is known; only the order word decides. */
function positionOf([order, a = '', b = '', c = '', d = '']: readonly string[]): TimelinePosition {
  if (order === 'desc' || order === 'asc') return { order, snapshot: a, at: b, id: c, seq: Number(d) };
  return { order: 'feed', txId: a, ordinal: b };
}
