import { useEffect, useState } from 'preact/hooks';
import { usePage } from '../session';
import type { Span } from './ledger';
import { type Row, rowOf } from './row';
import { checkSpan, type SpanCheck, unchecked } from './span-check';

/** Rows of spans with their checks. */
export function useCheckedRows(spans: readonly Span[]): readonly Row[] {
  const checks = useChecks(spans);
  return spans.map((span, index) => ({ ...rowOf(span), check: checks[index] }));
}

/** Checks in the order of the spans; undefined while under way. */
export function useChecks(spans: readonly Span[]): readonly (SpanCheck | undefined)[] {
  const { ledger } = usePage();
  const [done, setDone] = useState<ReadonlyMap<Span, SpanCheck>>(new Map());
  useEffect(() => {
    let isWanted = true;
    const checkAll = async (): Promise<void> => {
      const book = await ledger.keys();
      const found = await Promise.all(
        spans.map(async (span): Promise<[Span, SpanCheck]> => [span, await checkSpan(span, book)]),
      );
      if (isWanted) setDone(new Map(found));
    };
    checkAll().catch((error: unknown) => {
      if (isWanted) setDone(new Map(spans.map((span) => [span, unchecked(error)])));
    });
    return () => {
      isWanted = false;
    };
  }, [ledger, spans]);
  return spans.map((span) => done.get(span));
}

/** The newest version of each entity. */
export function newestOf(spans: readonly Span[]): readonly Span[] {
  const newest = new Map<string, Span>();
  for (const span of spans) {
    const known = newest.get(span.id);
    if (known === undefined || known.seq < span.seq) newest.set(span.id, span);
  }
  return [...newest.values()];
}
