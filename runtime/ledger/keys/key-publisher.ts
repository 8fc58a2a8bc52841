import { deriveSeed, keyIdOf } from '../../auth';
import { ConflictError } from '../../base/errors';
import { NOBODY, SYSTEM } from '../../base/identity';
import type { JsonValue, SignedSpan, Span } from '../../base/span';
import { hex, type SigningKey, toU8 } from '../../crypto';
import type { Database } from '../../db/pool';
import { runStatement } from '../../db/query-as';
import { spanOfRow } from '../span-row';
import { signSpan } from '../span-signature';
import type { SpanWriter } from '../span-writer';
import { stableId } from '../stable-id';
import { refuseOtherKeys } from './key-guard';
import { INSTANCE_KEY, type KeyHistory, keyHistoryOf } from './key-history';
import type { KeyRing } from './key-ring';

/** Options of {@link publishKeys}. */
export interface PublishKeysOptions {
  readonly database: Database;
  readonly writer: SpanWriter;
  readonly ring: KeyRing;
  /** Accepts a key that no earlier one introduces, and marks its span as adopted. Defaults to false. */
  readonly adopts?: boolean;
  readonly onProgress?: (line: string) => void;
  /** Defaults to the system clock. */
  readonly now?: () => Date;
}

const ID_LABEL = 'logline/instance-key-id/v1';
/** Attempts when another process publishes concurrently; after its success there is usually nothing left to do. */
const MAX_ATTEMPTS = 3;

/**
 * Brings the ledger's key history up to date with the ring: introduces missing keys, each signed by the previous one;
 * retires earlier keys that are active; revokes revoked ones. Idempotent: called at every start, and after an
 * interrupted rotation.
 * @returns a line for each change
 * @throws UnavailableError when the database does not answer
 * @throws ConfigurationError when the ledger was signed by other keys, unless `adopts` is set
 */
export async function publishKeys(options: PublishKeysOptions): Promise<readonly string[]> {
  const { adopts = false } = options;
  for (let attempt = 1; ; attempt += 1) {
    const present = await readKeySpans(options.database);
    if (!adopts) refuseOtherKeys(keyHistoryOf(present), options.ring);
    const due = dueSpans(options.ring, present, options.now?.() ?? new Date(), adopts);
    if (due.length === 0) return [];
    try {
      await options.writer.append(SYSTEM, due);
      const lines = due.map((span) => `${span.did} instance key ${keyIdOf(span.this)}`);
      for (const line of lines) options.onProgress?.(line);
      return lines;
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

/** The ledger's key history. @throws UnavailableError when the database does not answer */
export async function readKeyHistory(database: Database): Promise<KeyHistory> {
  return keyHistoryOf(await readKeySpans(database));
}

/** Every version of every span of the key history; they are public. */
async function readKeySpans(database: Database): Promise<SignedSpan[]> {
  const rows = await runStatement(database, NOBODY, 'key_history', [INSTANCE_KEY]);
  return rows.map(spanOfRow);
}

/** The spans that the ledger's key history lacks, in the order to append them. */
function dueSpans(ring: KeyRing, present: readonly SignedSpan[], now: Date, adopts: boolean): SignedSpan[] {
  const newest = new Map(present.map((span) => [span.this, span]));
  const due: SignedSpan[] = [];
  const add = (span: SignedSpan): void => {
    newest.set(span.this, span);
    due.push(span);
  };
  const keys = ring.chronological;
  for (const [index, key] of keys.entries()) {
    if (!newest.has(key.publicKeyHex)) add(introduction(key, keys[index - 1], now, adopts));
  }
  if (adopts) {
    for (const [publicKeyHex, span] of newest) {
      if (span.status !== 'active' || keys.some((key) => key.publicKeyHex === publicKeyHex)) continue;
      add(change(span, 'retired', { replaced_by: ring.current.publicKeyHex }, ring.current, now));
    }
  }
  for (const [index, { publicKeyHex }] of keys.entries()) {
    const span = newest.get(publicKeyHex);
    if (keys.indexOf(ring.current) <= index || span?.status !== 'active') continue;
    add(change(span, 'retired', { replaced_by: keys[index + 1]?.publicKeyHex ?? null }, ring.current, now));
  }
  for (const { publicKeyHex, from, reason } of ring.revoked) {
    const span = newest.get(publicKeyHex);
    if (span === undefined || span.status === 'revoked') continue;
    const metadata = { revoked_from: from ?? now.toISOString(), ...(reason === undefined ? {} : { reason }) };
    add(change(span, 'revoked', metadata, ring.current, now));
  }
  return due;
}

function introduction(
  key: SigningKey,
  introducer: SigningKey | undefined,
  now: Date,
  adopts: boolean,
): SignedSpan {
  const span: Span = {
    // Derived from the secret key, so that nobody else can know the id and take it first.
    id: stableId(INSTANCE_KEY, hex(deriveSeed(toU8(key.secretKeyHex()), ID_LABEL))),
    seq: 0,
    entity_type: INSTANCE_KEY,
    who: 'logline',
    did: 'introduced',
    this: key.publicKeyHex,
    at: now.toISOString(),
    owner_id: SYSTEM.user,
    tenant_id: SYSTEM.tenant,
    visibility: 'public',
    status: 'active',
    is_deleted: false,
    name: keyIdOf(key.publicKeyHex),
    metadata: {
      algorithm: 'Ed25519',
      ...(introducer === undefined ? {} : { introduced_by: introducer.publicKeyHex }),
      ...(adopts && introducer === undefined ? { adopted: true } : {}),
    },
  };
  return signSpan(span, introducer ?? key);
}

function change(
  before: SignedSpan,
  status: 'retired' | 'revoked',
  metadata: { readonly [member: string]: JsonValue },
  signer: SigningKey,
  now: Date,
): SignedSpan {
  const { curr_hash: _hash, signature: _signature, public_key: _key, ...span } = before;
  const old = typeof before.metadata === 'object' && before.metadata !== null ? before.metadata : {};
  return signSpan(
    {
      ...span,
      seq: before.seq + 1,
      prev_hash: before.curr_hash,
      did: status,
      status,
      at: now.toISOString(),
      metadata: { ...old, ...metadata },
    },
    signer,
  );
}
