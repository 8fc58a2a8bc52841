import { Fragment, h } from 'preact';
import { useLayoutEffect, useMemo } from 'preact/hooks';
import { type Filter, filterOf, searchOf } from '../filter';
import { type Ledger, reachable } from '../ledger/ledger';
import type { Row } from '../ledger/row';
import { MAX_ROWS, Timeline, type TimelineState } from '../ledger/timeline';
import { useListener } from '../listener';
import { Export } from '../parts/export';
import { FilterBar } from '../parts/filter-bar';
import { Mark } from '../parts/mark';
import { Empty, Failure, Loading } from '../parts/notice';
import { SpanTable } from '../parts/span-table';
import { hrefOf, placeBefore, type Route } from '../route';
import { session, usePage } from '../session';
import { useStore } from '../store';
import { counted } from '../text';

/** Every span that the caller may read, newest first, and live. */
export function TimelinePage({ route }: { readonly route: Route }) {
  const query = route.search.toString();
  const { filter, faults } = useMemo(() => filterOf(new URLSearchParams(query)), [query]);
  return (
    <>
      <h1 class="visually-hidden">Timeline</h1>
      <FilterBar filter={filter} />
      {faults.length > 0 ? (
        <Faults faults={faults} filter={filter} />
      ) : (
        <Listing key={searchOf(filter).toString()} filter={filter} />
      )}
    </>
  );
}

/** Shown in place of spans when a filter cannot be applied: ignoring it would show spans that were not asked for. */
function Faults({ faults, filter }: { readonly faults: readonly string[]; readonly filter: Filter }) {
  return (
    <div class="failure" role="alert">
      <p class="title">This address asks for what cannot be filtered</p>
      <ul>
        {faults.map((fault) => (
          <li>{fault}</li>
        ))}
      </ul>
      <a class="button" href={hrefOf('', undefined, searchOf(filter))}>
        Show without it
      </a>
    </div>
  );
}

/** The last listing, kept while the user looks at a span, so that it is unchanged when they come back. */
let kept: Timeline | undefined;

session.page.subscribe(() => {
  if (kept?.ledger !== session.page.value.ledger) kept?.close();
});

function keptTimeline(ledger: Ledger, filter: Filter): Timeline {
  if (
    kept?.ledger === ledger &&
    kept.state.value.phase !== 'failed' &&
    String(searchOf(kept.filter)) === String(searchOf(filter))
  )
    return kept;
  kept?.close();
  kept = new Timeline(ledger, filter);
  return kept;
}

function Listing({ filter }: { readonly filter: Filter }) {
  const { ledger } = usePage();
  const timeline = useMemo(() => keptTimeline(ledger, filter), [ledger]);
  const state = useStore(timeline.state);
  useTop(timeline);
  const isEmpty = state.phase === 'ready' && state.rows.length === 0;
  return (
    <>
      <Controls timeline={timeline} state={state} filter={filter} />
      {state.phase === 'loading' && <Loading what="spans" />}
      {state.phase === 'failed' && <Failure error={state.error} retry={() => location.reload()} />}
      {isEmpty && (
        <Empty title="No span matches.">
          <p>
            {Object.keys(filter.values).length > 0
              ? 'Remove a filter above, or wait: what arrives is shown at once.'
              : 'Append one, and it is shown here at once.'}
          </p>
        </Empty>
      )}
      {state.rows.length > 0 && (
        <SpanTable rows={state.rows} label="Spans, newest first" onEnd={() => timeline.loadMore()} />
      )}
      <More timeline={timeline} state={state} />
    </>
  );
}

interface PartProps {
  readonly timeline: Timeline;
  readonly state: TimelineState;
}

const TAIL_TEXT = {
  connecting: 'connecting…',
  live: 'live',
  reconnecting: 'reconnecting…',
  off: 'not live',
};

function Controls({ timeline, state, filter }: PartProps & { readonly filter: Filter }) {
  const { isPaused, waiting } = state;
  const tail = useStore(reachable) ? state.tail : 'reconnecting';
  const show = (): void => {
    timeline.showWaiting();
    scrollTo(0, 0);
  };
  return (
    <div class="controls">
      <span class={`tail ${isPaused ? 'paused' : tail}`} role="status">
        {isPaused ? 'paused' : TAIL_TEXT[tail]}
        {waiting.length > 0 && <span class="visually-hidden">, new spans wait</span>}
      </span>
      <button type="button" onClick={() => timeline.setPaused(!isPaused)}>
        {isPaused ? 'Resume' : 'Pause'}
      </button>
      {waiting.length > 0 && (
        <button type="button" class="new" onClick={show}>
          {waiting.length >= MAX_ROWS && 'More than '}
          {waiting.length.toLocaleString('en')} new
        </button>
      )}
      <Summary rows={state.rows} />
      <Export filter={filter} />
    </div>
  );
}

/** Numbers of rows by outcome. */
function Summary({ rows }: { readonly rows: readonly Row[] }) {
  const count = { known: 0, other: 0, fault: 0, unchecked: 0 };
  for (const { check } of rows) count[check?.outcome ?? 'unchecked'] += 1;
  return (
    <p class="summary">
      <span>{counted(rows.length, 'span')}</span>
      <Mark outcome="known">{count.known.toLocaleString('en')} verified</Mark>
      {count.other > 0 && <Mark outcome="other">{count.other.toLocaleString('en')} not by a valid key</Mark>}
      {count.fault > 0 && <Mark outcome="fault">{count.fault.toLocaleString('en')} faulty</Mark>}
    </p>
  );
}

function More({ timeline, state }: PartProps) {
  if (state.isFull)
    return (
      <p class="end">
        {counted(MAX_ROWS, 'row')} are as many as are shown. Narrow the filter or the time range to see
        others.
      </p>
    );
  if (!state.hasMore) return state.rows.length > 0 ? <p class="end">That is all.</p> : null;
  return (
    <div class="end">
      <button type="button" disabled={state.isLoadingMore} onClick={() => timeline.loadMore()}>
        {state.isLoadingMore ? 'Loading…' : 'Older spans'}
      </button>
    </div>
  );
}

/** Restores the scroll position and tells the timeline whether that is the top. */
function useTop(timeline: Timeline): void {
  useLayoutEffect(() => {
    scrollTo(0, placeBefore());
    // Rows that arrive while another view is open wait.
    return () => timeline.setAtTop(false);
  }, [timeline]);
  useListener(window, ['scroll'], () => timeline.setAtTop(scrollY < 60), [timeline]);
}
