import type { SignedSpan } from '../../runtime/base/span';
import { keyOf } from '../../runtime/ledger/span-key';
import { verifySpan } from '../../runtime/ledger/span-signature';
import { type Found, spansOfFile } from '../verify/span-source';
import type { VerifyFault } from '../verify/verify-spans';
import type { LedgerComparison, LedgerView } from './ledger-comparison';

/** Result of a dry run, in spans. */
export interface Tally {
  /** Missing from the ledger. */
  added: number;
  /** In the ledger with the same hash. */
  present: number;
  /** In the ledger with other content, or with another predecessor. */
  conflicts: number;
}

const BATCH = 200;

/** A span that verifies, and its location. */
interface Good {
  readonly location: string;
  readonly span: SignedSpan;
}

/** Compares each span that verifies with the ledger's content. */
export class Inspection {
  readonly tally: Tally = { added: 0, present: 0, conflicts: 0 };
  faults = 0;
  readonly #comparison: LedgerComparison | undefined;
  readonly #onFault: (fault: VerifyFault) => void;
  /** Versions whose predecessor is in the ledger, so it need not be in the file. */
  #follows = new Set<string>();

  constructor(comparison: LedgerComparison | undefined, onFault: (fault: VerifyFault) => void) {
    this.#comparison = comparison;
    this.#onFault = onFault;
  }

  followsLedger(span: SignedSpan): boolean {
    return this.#follows.has(keyOf(span));
  }

  /** The spans of a file, each compared before it is yielded. */
  async *spansOf(file: string): AsyncGenerator<Found> {
    if (this.#comparison === undefined) {
      yield* spansOfFile(file);
      return;
    }
    for await (const batch of batchesOf(spansOfFile(file))) {
      const good = batch.flatMap((found): Good[] => {
        // verifySpan accepts any value and reports whether it is a span.
        const span = 'span' in found ? (found.span as SignedSpan) : undefined;
        return span !== undefined && verifySpan(span).ok ? [{ location: found.location, span }] : [];
      });
      await this.#compare(this.#comparison, good);
      yield* batch;
    }
  }

  async #compare(comparison: LedgerComparison, good: readonly Good[]): Promise<void> {
    this.#follows = new Set();
    const views = await comparison.look(good.map(({ span }) => span));
    for (const [index, view] of views.entries()) {
      const one = good[index];
      if (one === undefined) continue;
      if (view.before !== undefined) this.#follows.add(keyOf(one.span));
      const conflict = conflictOf(one.span, view);
      if (conflict !== undefined) {
        this.tally.conflicts += 1;
        this.#fault(one, conflict);
      } else if (view.same === undefined) this.tally.added += 1;
      else this.tally.present += 1;
    }
  }

  #fault({ location, span: { id, seq } }: Good, detail: string): void {
    this.faults += 1;
    this.#onFault({ location, id, seq, detail });
  }
}

async function* batchesOf(source: AsyncIterable<Found>): AsyncGenerator<Found[]> {
  let batch: Found[] = [];
  for await (const found of source) {
    batch.push(found);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function conflictOf(span: SignedSpan, { same, before }: LedgerView): string | undefined {
  if (same !== undefined && same !== span.curr_hash)
    return `conflict: the ledger holds other content as version ${span.seq}, ${same}`;
  if (same === undefined && before !== undefined && before !== span.prev_hash)
    return `conflict: it does not follow version ${span.seq - 1} of the ledger, ${before}`;
  return undefined;
}
