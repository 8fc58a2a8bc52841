import type { Identity } from '../base/identity';
import type { SignedSpan } from '../base/span';
import type { SpanDraft } from './span-draft';
import type { AppendOptions, SpanWriter } from './span-writer';

/**
 * Completes, signs and appends one span as `identity`.
 * @throws what {@link SpanWriter.append} throws.
 */
export async function insertSpan(
  writer: SpanWriter,
  identity: Identity,
  draft: SpanDraft,
  options: AppendOptions = {},
): Promise<SignedSpan> {
  const { spans } = await writer.append(identity, [draft], options);
  const [span] = spans;
  if (span === undefined) throw new Error('nothing was appended');
  return span;
}
