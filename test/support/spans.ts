import { randomUUID } from 'node:crypto';
import type { SignedSpan, Span } from '../../runtime/base/span';
import { generateSigningKey, type SigningKey } from '../../runtime/crypto';
import { signSpan } from '../../runtime/ledger/span-signature';

/** A complete, signed span, for tests that need spans without a ledger. */
export function signedSpan(members: Partial<Span> = {}, key: SigningKey = generateSigningKey()): SignedSpan {
  return signSpan(
    {
      id: randomUUID(),
      seq: 0,
      entity_type: 'note',
      who: 'alice',
      this: 'a thing',
      at: '2025-01-31T12:00:00.000Z',
      owner_id: 'alice',
      tenant_id: 'acme',
      visibility: 'private',
      is_deleted: false,
      ...members,
    },
    key,
  );
}

/** `count` versions of one entity, each following the one before. */
export function versionsOf(
  count: number,
  members: Partial<Span> = {},
  key: SigningKey = generateSigningKey(),
): SignedSpan[] {
  const versions = [signedSpan(members, key)];
  for (let seq = 1; seq < count; seq += 1) {
    const before = versions.at(-1);
    versions.push(
      signedSpan({ ...members, id: before?.id ?? '', seq, prev_hash: before?.curr_hash ?? null }, key),
    );
  }
  return versions;
}
