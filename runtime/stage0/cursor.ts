import { createCipheriv, createDecipheriv } from 'node:crypto';
import { deriveSeed } from '../auth';
import { MalformedError } from '../base/errors';
import type { JsonValue } from '../base/span';
import { type SigningKey, toU8 } from '../crypto';
import { pooledRandomBytes } from '../crypto/random-pool';
import { canonicalText } from '../json/canonical-json';
import type { EpochPosition } from '../ledger/epoch-timeline';
import type { TimelinePosition } from '../ledger/timeline';

const KEY_LABEL = 'logline/cursor/v2';
const CIPHER = 'aes-256-gcm';
/** NIST SP 800-38D section 8.2.2: random nonces of 96 bits serve 2^32 texts of one key. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Plaintexts are padded to a multiple of this, so that their length does not reveal that of an id. */
const BLOCK = 128;
/** The binding of positions, different from any query of a listing. */
const POSITION_CONTEXT = 'x-logline-position';

/** The position of a write: later reads must see this transaction. */
export interface WritePosition {
  readonly epoch: string;
  readonly txId: string;
}

/**
 * Seals and opens opaque tokens for clients: cursors of listings, and positions of writes. They are encrypted
 * (AES-256-GCM; key: HKDF-SHA-256 of the instance key, `info` = `logline/cursor/v2`; nonce, text and tag as base64url),
 * since transaction ids reveal how much others write, and bound to query and caller: an edited one, or one that is used
 * with another query or by another caller, does not open.
 */
export class CursorSealer {
  readonly #keys: readonly Buffer[];

  /** @param keys the instance keys whose cursors are accepted; the first one seals new ones */
  constructor(keys: readonly SigningKey[]) {
    this.#keys = keys.map((key) => Buffer.from(deriveSeed(toU8(key.secretKeyHex()), KEY_LABEL)));
  }

  seal({ epoch, position }: EpochPosition, query: JsonValue): string {
    return this.#encrypt([epoch, ...fieldsOf(position)], query);
  }

  /** @throws MalformedError when the cursor is not one that `seal` made for this query. */
  open(cursor: string, query: JsonValue): EpochPosition {
    const fields = this.#decrypt(cursor, query);
    if (fields === undefined) throw notOfThisQuery();
    const [epoch = '', ...rest] = fields;
    return { epoch, position: positionOf(rest) };
  }

  /** A cursor to the versions of an entity below `seq`. */
  sealVersion(seq: number, query: JsonValue): string {
    return this.#encrypt(['version', String(seq)], query);
  }

  /** @throws MalformedError when the cursor is not one that `sealVersion` made for this query. */
  openVersion(cursor: string, query: JsonValue): number {
    const [kind, seq] = this.#decrypt(cursor, query) ?? [];
    if (kind !== 'version' || seq === undefined) throw notOfThisQuery();
    return Number(seq);
  }

  /** A position for `x-logline-position`; any caller may send it back. */
  sealPosition({ epoch, txId }: WritePosition): string {
    return this.#encrypt([epoch, txId], POSITION_CONTEXT);
  }

  /** Undefined when it was not sealed by this instance, and so means nothing to a reader. */
  openPosition(text: string): WritePosition | undefined {
    const [epoch, txId] = this.#decrypt(text, POSITION_CONTEXT) ?? [];
    return epoch === undefined || txId === undefined ? undefined : { epoch, txId };
  }

  #encrypt(fields: readonly string[], context: JsonValue): string {
    const [key] = this.#keys;
    if (key === undefined) throw new TypeError('cursor sealer: no key');
    const nonce = Buffer.from(pooledRandomBytes(NONCE_BYTES));
    const cipher = createCipheriv(CIPHER, key, nonce).setAAD(Buffer.from(canonicalText(context)));
    const text = JSON.stringify(fields);
    const filled = text.padEnd(Math.ceil(text.length / BLOCK) * BLOCK);
    const body = Buffer.concat([cipher.update(filled, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, body, cipher.getAuthTag()]).toString('base64url');
  }

  #decrypt(text: string, context: JsonValue): readonly string[] | undefined {
    const bytes = Buffer.from(text, 'base64url');
    if (bytes.length < NONCE_BYTES + TAG_BYTES || bytes.toString('base64url') !== text) return undefined;
    const bound = Buffer.from(canonicalText(context));
    for (const key of this.#keys) {
      const opened = decrypted(key, bytes, bound);
      // Sealed by this program, so the form is known.
      if (opened !== undefined) return JSON.parse(opened) as readonly string[];
    }
    return undefined;
  }
}

function notOfThisQuery(): MalformedError {
  const detail = 'is not a cursor of this query; start again without one, and change no filter between pages';
  return new MalformedError('The cursor does not fit.', { faults: [{ pointer: '/cursor', detail }] });
}

/** The decrypted text; undefined when it was sealed with another key or is no sealed text. */
function decrypted(key: Buffer, bytes: Buffer, bound: Buffer): string | undefined {
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(bound).setAuthTag(bytes.subarray(-TAG_BYTES));
  const head = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
  try {
    return Buffer.concat([head, decipher.final()]).toString();
  } catch {
    return undefined;
  }
}

function fieldsOf(position: TimelinePosition): readonly string[] {
  return position.order === 'feed'
    ? ['feed', position.txId, position.ordinal]
    : [position.order, position.snapshot, position.at, position.id, String(position.seq)];
}

function positionOf([order, a = '', b = '', c = '', d = '']: readonly string[]): TimelinePosition {
  if (order === 'desc' || order === 'asc') return { order, snapshot: a, at: b, id: c, seq: Number(d) };
  return { order: 'feed', txId: a, ordinal: b };
}
