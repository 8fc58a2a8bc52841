import type { SignedSpan } from '../base/span';
import type { SigningKey } from '../crypto';
import { asStored, type DraftGroup, isSameContent } from './conflicts';
import type { SpanDraft } from './span-draft';
import { keyBefore, keyOf } from './span-key';
import type { SpanHead } from './span-reader';
import { type EncodedSpan, encodeSigned, withSignature } from './span-signature';

/**
 * The spans of a group of which the ledger holds some: what is stored, or stands earlier in the group, takes the place
 * of what was sent, and versions after it follow its hash. Undefined when it has other content.
 * @param signed one for each draft, in their order
 * @param signingKey signs what follows another version than it was hashed with
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

/** The span behind the version that is stored, which may be another than the one it was hashed with. */
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

/** The stored span that a repeat with the same content stands for: it need not be read. */
function storedSpan(head: SpanHead, sent: SignedSpan, draft: SpanDraft | undefined): EncodedSpan {
  return encodeSigned({
    ...asStored(head, sent, draft),
    public_key: head.public_key,
    curr_hash: head.curr_hash,
    signature: head.signature,
  });
}
