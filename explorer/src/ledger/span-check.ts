import { type KeyLapse, keyLapse, verifySpan } from '../../../client/src/verify';
import { textOf } from '../json';
import type { KeyBook } from './key-book';

/** Result of checking a span in this browser. */
export type SpanCheck =
  /** Hash and signature hold, and a key of this instance signed it. */
  | { readonly outcome: 'known'; readonly publicKey: string }
  /** Hash and signature hold, but under a key that is not the instance's or was not valid at that time. */
  | {
      readonly outcome: 'other';
      readonly publicKey: string;
      /** Whether the key is the instance's, but was not valid at that time. */
      readonly isOurs: boolean;
      /** `why` in two or three words. */
      readonly brief: string;
      readonly why: string;
    }
  /** Hash or signature does not hold, or the value is no span. */
  | { readonly outcome: 'fault'; readonly faults: readonly string[]; readonly detail: string }
  /** The browser cannot check, or the keys could not be loaded. */
  | { readonly outcome: 'unchecked'; readonly why: string };

/** The result when a check failed to run. */
export function unchecked(error: unknown): SpanCheck {
  return { outcome: 'unchecked', why: error instanceof Error ? error.message : String(error) };
}

/** Checks hash and signature of a span from its JSON, and its key against those of the instance. */
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
  const strangeness = strangenessOf(publicKey, textOf(span, 'at') ?? '', book);
  return strangeness === undefined
    ? { outcome: 'known', publicKey }
    : { outcome: 'other', publicKey, ...strangeness };
}

type Strangeness = Pick<Extract<SpanCheck, { outcome: 'other' }>, 'isOurs' | 'brief' | 'why'>;

/** Why a key is not a valid key of the instance at that time; undefined when it is. */
function strangenessOf(publicKey: string, at: string, { keys }: KeyBook): Strangeness | undefined {
  const key = keys.find((one) => one.purpose === 'span' && one.publicKey === publicKey);
  if (key === undefined)
    return { isOurs: false, brief: `key ${publicKey.slice(0, 8)}`, why: 'not a key of this instance' };
  const lapse = keyLapse(at, key);
  if (lapse === undefined) return undefined;
  return {
    isOurs: true,
    brief: BRIEFS[lapse],
    why: `a key of this instance that was not valid at the time of the span: it was ${
      lapse === 'early' ? `first used at ${key.since}` : `${lapse} from ${key.until} on`
    }`,
  };
}

const BRIEFS: Readonly<Record<KeyLapse, string>> = {
  early: 'before its key',
  retired: 'key retired',
  revoked: 'key revoked',
};
