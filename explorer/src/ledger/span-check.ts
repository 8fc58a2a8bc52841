import { verifySpan } from '../../../client/src/verify';
import { textOf } from '../json';
import type { KeyBook } from './key-book';

/** What this browser found out about a span. */
export type SpanCheck =
  /** Hash and signature hold, and a key of this instance signed it. */
  | { readonly outcome: 'known'; readonly publicKey: string }
  /** They hold, but under a key that is not the instance's, or was not at that time. */
  | { readonly outcome: 'other'; readonly publicKey: string; readonly why: string }
  /** They do not hold. */
  | { readonly outcome: 'fault'; readonly faults: readonly string[]; readonly detail: string }
  /** This browser cannot tell, or the keys could not be had. */
  | { readonly outcome: 'unchecked'; readonly why: string };

/** What is known when a check could not be made. */
export function unchecked(error: unknown): SpanCheck {
  return { outcome: 'unchecked', why: error instanceof Error ? error.message : String(error) };
}

/** Checks a span by its own JSON, and its key against those of the instance. */
export async function checkSpan(span: unknown, book: KeyBook): Promise<SpanCheck> {
  const { ok, faults } = await verifySpan(span);
  if (!ok) {
    return {
      outcome: 'fault',
      faults: faults.map(({ fault }) => fault),
      detail: faults.map(({ fault, detail }) => `${fault}: ${detail}`).join('; '),
    };
  }
  const publicKey = textOf(span, 'public_key') ?? '';
  const why = strangenessOf(publicKey, textOf(span, 'at') ?? '', book);
  return why === undefined ? { outcome: 'known', publicKey } : { outcome: 'other', publicKey, why };
}

/**
 * Why a key is not one of the instance at that time; undefined when it is. Whoever writes a span chooses its `at`, so
 * an earlier time than the key's first is no sign of anything; a later one than its last is.
 */
function strangenessOf(publicKey: string, at: string, { keys }: KeyBook): string | undefined {
  const key = keys.find((one) => one.purpose === 'span' && one.publicKey === publicKey);
  if (key === undefined) return 'not a key of this instance';
  if (key.until === undefined || at < key.until) return undefined;
  return `a key of this instance that was ${key.revoked ? 'revoked' : 'retired'} from ${key.until} on`;
}
