import { Fragment, h } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Span } from '../ledger/ledger';
import { durationText } from '../text';

/** Durations of the last runs as text and as a plot, whose code is loaded on demand. */
export function DurationPlot({ runs }: { readonly runs: readonly Span[] }) {
  const place = useRef<HTMLDivElement>(null);
  const timed = runs
    .flatMap(({ at, duration_ms: durationMs, status }) =>
      typeof durationMs === 'number'
        ? [{ at: Date.parse(at) / 1000, durationMs, isGood: status === 'complete' }]
        : [],
    )
    .sort((one, other) => one.at - other.at);
  useEffect(() => {
    let remove: (() => void) | undefined;
    let isWanted = true;
    import('../plots/duration-plot').then(
      ({ drawDurations }) => {
        if (isWanted && place.current !== null) remove = drawDurations(place.current, timed);
      },
      // The text above suffices when the plot cannot be loaded.
      () => place.current?.remove(),
    );
    return () => {
      isWanted = false;
      remove?.();
    };
  }, [runs]);
  if (timed.length === 0) return null;
  const durations = timed.map(({ durationMs }) => durationMs).sort((one, other) => one - other);
  const at = (share: number): string =>
    durationText(durations[Math.floor((durations.length - 1) * share)] ?? 0);
  return (
    <>
      <p>
        Durations: median {at(0.5)}, 95% within {at(0.95)}, longest {at(1)}.
      </p>
      <div
        class="plot"
        ref={place}
        role="img"
        aria-label={`Durations of the last ${timed.length} runs over time: median ${at(0.5)}, longest ${at(1)}`}
      ></div>
    </>
  );
}
