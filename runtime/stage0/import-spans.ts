import type { Fault } from '../base/errors';
import { SYSTEM } from '../base/identity';
import type { SignedSpan } from '../base/span';
import { MAX_FAULTS, malformed } from '../json/parse-with';
import { refuseBadManifest } from '../ledger/manifest';
import {
  checkClientHash,
  checkClientSignatureLater,
  isClientSigned,
  type SpanDraft,
} from '../ledger/span-draft';
import { importSpans as appendImported, heldSpans } from '../ledger/span-import';
import { spanOfRow } from '../ledger/span-row';
import { callerOf, json } from './answer';
import { withAppendShare } from './append-share';
import { requireOperator } from './authenticate';
import type { Handler } from './handlers';
import { readDrafts } from './read-drafts';
import { positionHeader } from './write-position';

/** Signatures that are checked side by side: enough to keep every core busy. */
const SIDE_BY_SIDE = 100;

/**
 * `POST /api/import`: signed spans of one tenant, each appended as its owner's, exactly as it is. Only the operator may:
 * tenant `system`, by a token that was minted from the instance key.
 */
export const importSpans: Handler = async (stage0, { request, caller }) => {
  const { tenant } = callerOf(caller);
  requireOperator(callerOf(caller));
  return withAppendShare(stage0, { tenant, request }, async (share) => {
    const turn = (bytes: number) => stage0.fairness.turns.take(tenant, bytes);
    const { drafts } = await readDrafts(request, {
      identity: SYSTEM,
      share,
      turn,
      isStored: true,
    });
    const spans = importable(drafts);
    const held = await heldSpans(stage0.database, spans);
    await verify(spans, held);
    if (held.every(Boolean)) return json(200, answerOf(spans, 0), await positionHeader(stage0));
    const { added, txId } = await appendImported(stage0.database, spans);
    if (spans.some(({ entity_type }) => entity_type === 'token_revocation')) stage0.revocations.forget();
    if (added > 0) stage0.waiters.notice();
    return json(added > 0 ? 201 : 200, answerOf(spans, added), await positionHeader(stage0, txId));
  });
};

function answerOf({ length: count }: readonly SignedSpan[], added: number) {
  return { success: true, count, added, present: count - added };
}

/**
 * The drafts as spans, not verified yet.
 * @throws MalformedError for a span that is not signed, or of another tenant than the first.
 */
function importable(drafts: readonly SpanDraft[]): SignedSpan[] {
  const tenant = drafts[0]?.tenant_id;
  const faults = drafts.flatMap((draft, index): Fault[] => {
    if (!isClientSigned(draft))
      return [{ pointer: `/${index}/signature`, detail: 'is missing; only signed spans can be imported' }];
    if (draft.tenant_id === tenant) return [];
    return [
      { pointer: `/${index}/tenant_id`, detail: 'is not that of the first span; send one tenant at a time' },
    ];
  });
  if (faults.length > 0) throw malformed('A span of the import', faults.slice(0, MAX_FAULTS));
  const spans = drafts.map(spanOfRow);
  spans.forEach((span, index) => {
    refuseBadManifest(span, `/${index}`);
  });
  return spans;
}

/**
 * Checks form and hash of each span, and the signature of those that the ledger does not hold: what it holds is not
 * stored again.
 * @throws MalformedError, BadSignatureError.
 */
async function verify(spans: readonly SignedSpan[], held: readonly boolean[]): Promise<void> {
  const check = (span: SignedSpan, index: number) =>
    held[index] === true ? checkClientHash(span) : checkClientSignatureLater(span);
  for (let start = 0; start < spans.length; start += SIDE_BY_SIDE)
    await Promise.all(
      spans.slice(start, start + SIDE_BY_SIDE).map((span, index) => check(span, start + index)),
    );
}
