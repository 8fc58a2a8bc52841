import type { Fault } from '../base/errors';
import { TURN_BYTES } from '../base/fair-turns';
import { SYSTEM } from '../base/identity';
import type { Pause } from '../base/slices';
import type { SignedSpan } from '../base/span';
import { MAX_FAULTS, malformed } from '../json/parse-with';
import { refuseBadManifest } from '../ledger/manifest';
import {
  checkClientHash,
  checkClientHashInSlices,
  checkClientSignatures,
  isClientSigned,
  type SpanDraft,
} from '../ledger/span-draft';
import { importSpans as appendImported, holdsAll } from '../ledger/span-import';
import type { UncheckedSpan } from '../ledger/span-signature';
import { callerOf, json } from './answer';
import { withAppendShare } from './append-share';
import { requireOperator } from './authenticate';
import type { Handler } from './handlers';
import { readDrafts } from './read-drafts';
import { positionHeader } from './write-position';

/**
 * `POST /api/import`: signed spans of one tenant, each appended as its owner's, exactly as it is. Only the operator may:
 * tenant `system`, by a token that was minted from the instance key.
 *
 * Signatures are verified on another thread while PostgreSQL writes, and the transaction commits only when all are good.
 * When the ledger holds all spans of a request, only form and hash are checked, since nothing is stored.
 */
export const importSpans: Handler = async (stage0, { request, caller }) => {
  const { tenant } = callerOf(caller);
  requireOperator(callerOf(caller));
  return withAppendShare(stage0, { tenant, request }, async (share) => {
    const turn = (bytes: number) => stage0.fairness.turns.take(tenant, bytes);
    const { drafts, hasManyValues } = await readDrafts(request, {
      identity: SYSTEM,
      share,
      turn,
      isStored: true,
    });
    const spans = importable(drafts);
    const unchecked = await hashed(spans, turn, hasManyValues);
    if (await holdsAll(stage0.database, spans))
      return json(200, answerOf(spans, 0), await positionHeader(stage0));
    const { added, txId } = await appendImported(stage0.database, unchecked, () =>
      checkClientSignatures(unchecked),
    );
    const revocation = spans.find(({ entity_type }) => entity_type === 'token_revocation');
    if (revocation !== undefined) stage0.revocations.forget(revocation.tenant_id);
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
function importable(drafts: readonly SpanDraft[]): readonly SignedSpan[] {
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
  // checkDraft refuses a signed draft that lacks a member of a signed span.
  const spans = drafts as readonly SignedSpan[];
  spans.forEach((span, index) => {
    refuseBadManifest(span, `/${index}`);
  });
  return spans;
}

/**
 * Checks form and hash of each span in the operator's turns of the event loop.
 * @throws MalformedError, BadSignatureError.
 */
async function hashed(
  spans: readonly SignedSpan[],
  turn: (bytes: number) => Promise<void> | undefined,
  hasManyValues: boolean,
): Promise<readonly UncheckedSpan[]> {
  const pause: Pause = () => turn(TURN_BYTES);
  const checked: UncheckedSpan[] = [];
  let bytes = 0;
  for (const [index, span] of spans.entries()) {
    // The size of a span is known once it is hashed, so the next one waits for it.
    const due = turn(bytes);
    if (due !== undefined) await due;
    const pointer = `/${index}`;
    // An await for each of a thousand small spans would cost more than it saves.
    const next = hasManyValues
      ? await checkClientHashInSlices(span, pointer, pause)
      : checkClientHash(span, pointer);
    bytes = next.json.length;
    checked.push(next);
  }
  return checked;
}
