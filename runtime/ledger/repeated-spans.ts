import type { SignedSpan } from '../base/span';
import type { SigningKey } from '../crypto';
import { asStored, type DraftGroup, isSameContent } from './conflicts';
import type { SpanDraft } from './span-draft';
import { keyBefore, keyOf } from './span-key';
import type { SpanHead } from './span-reader';
import { type EncodedSpan, encodeSigned, withSignature } from './span-signature';

/**
 * The spans of a group of which the ledger already has some. A span that is stored, or earlier in the group, replaces
 * the repeated one, and versions after it are linked to its hash.
 * @param signed one span for each draft, in the same order
 * @param stored versions in the ledger, by `keyOf`
 * @param signingKey signs spans that have to be linked to another hash
 * @returns undefined when a stored version has other content
 */
export async function reconcile(
  group: DraftGroup,
  signed: readonly EncodedSpan[],
  stored: ReadonlyMap<string, SpanHead>,
  signingKey: SigningKey,
): Promise<EncodedSpan[] | undefined> {
  const { drafts, hasher } = group;
  const known = new Map<string, SpanHead>(stored);
  const settled = new Map<string, EncodedSpan>();
  const reconciled: EncodedSpan[] = [];
  for (const [index, encoded] of signed.entries()) {
    const turn = hasher.turn(encoded.json.length);
    if (turn !== undefined) await turn;
    const draft = drafts[index];
    const key = keyOf(encoded.span);
    const before = known.get(key);
    const isSame =
      before === undefined ||
      before.curr_hash === encoded.span.curr_hash ||
      (await isSameContent(before, encoded.span, draft, hasher));
    if (!isSame) return undefined;
    const next =
      settled.get(key) ??
      (before === undefined
        ? await relink(group, encoded, known.get(keyBefore(encoded.span)), draft, signingKey)
        : storedSpan(before, encoded.span, draft));
    settled.set(key, next);
    known.set(key, next.span);
    reconciled.push(next);
  }
  return reconciled;
}

/** The span linked to the stored version before it, whose hash may differ from the one it was hashed with. */
async function relink(
  { hasher }: DraftGroup,
  encoded: EncodedSpan,
  followed: SpanHead | undefined,
  draft: SpanDraft | undefined,
  signingKey: SigningKey,
): Promise<EncodedSpan> {
  const { span } = encoded;
  const isLinkedByUs = draft?.signature == null && draft?.prev_hash == null;
  if (!isLinkedByUs || followed === undefined || followed.curr_hash === span.prev_hash) return encoded;
  const hashed = await hasher.hashed({ ...span, prev_hash: followed.curr_hash }, signingKey);
  return withSignature(hashed, signingKey.sign(hashed.hash));
}

/** The stored span, rebuilt from its head and the repeat with the same content, without reading it. */
function storedSpan(head: SpanHead, sent: SignedSpan, draft: SpanDraft | undefined): EncodedSpan {
  return encodeSigned({
    ...asStored(head, sent, draft),
    public_key: head.public_key,
    curr_hash: head.curr_hash,
    signature: head.signature,
  });
}
