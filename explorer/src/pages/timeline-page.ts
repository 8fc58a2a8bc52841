import { useEffect, useMemo, useRef } from 'preact/hooks';
import { usePage } from '../context';
import { type Filter, filterOf, searchOf } from '../filter';
import { html } from '../html';
import { reachable } from '../ledger/ledger';
import type { Row } from '../ledger/row';
import { MAX_ROWS, Timeline, type TimelineState } from '../ledger/timeline';
import { Export } from '../parts/export';
import { FilterBar } from '../parts/filter-bar';
import { Empty, Failure, Loading } from '../parts/notice';
import { SpanTable } from '../parts/span-table';
import { hrefOf, type Route } from '../route';
import { useStore } from '../store';
import { counted } from '../text';

/** Every span that the caller may see, newest first, and live. */
export function TimelinePage({ route }: { readonly route: Route }) {
  const query = route.search.toString();
  const { filter, faults } = useMemo(() => filterOf(new URLSearchParams(query)), [query]);
  return html`<h1 class="visually-hidden">Timeline</h1>
    <${FilterBar} filter=${filter} />
    ${faults.length > 0 ? html`<${Faults} faults=${faults} filter=${filter} />` : html`<${Listing} key=${searchOf(filter).toString()} filter=${filter} />`}`;
}

/** A filter that cannot be applied shows nothing: to pass over it would show spans that were not asked for. */
function Faults({ faults, filter }: { readonly faults: readonly string[]; readonly filter: Filter }) {
  return html`<div class="failure" role="alert">
    <p class="title">This address asks for what cannot be filtered</p>
    <ul>${faults.map((fault) => html`<li>${fault}</li>`)}</ul>
    <a class="button" href=${hrefOf('', undefined, searchOf(filter))}>Show without it</a>
  </div>`;
}

function Listing({ filter }: { readonly filter: Filter }) {
  const { ledger } = usePage();
  const timeline = useMemo(() => new Timeline(ledger, filter), [ledger, searchOf(filter).toString()]);
  useEffect(() => () => timeline.close(), [timeline]);
  const state = useStore(timeline.state);
  useTop(timeline);
  const isEmpty = state.phase === 'ready' && state.rows.length === 0;
  return html`
    <${Controls} timeline=${timeline} state=${state} filter=${filter} />
    ${state.phase === 'loading' ? html`<${Loading} what="spans" />` : null}
    ${state.phase === 'failed' ? html`<${Failure} error=${state.error} retry=${() => window.location.reload()} />` : null}
    ${
      isEmpty
        ? html`<${Empty} title="No span matches.">
      <p>${Object.keys(filter.values).length > 0 ? 'Remove a filter above, or wait: what arrives is shown at once.' : 'Append one, and it is shown here at once.'}</p>
    </${Empty}>`
        : null
    }
    ${state.rows.length > 0 ? html`<${SpanTable} rows=${state.rows} label="Spans, newest first" />` : null}
    <${More} timeline=${timeline} state=${state} />`;
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
    window.scrollTo(0, 0);
  };
  return html`<div class="controls">
    <span class=${`tail ${isPaused ? 'paused' : tail}`} role="status">${isPaused ? 'paused' : TAIL_TEXT[tail]}${waiting.length === 0 ? null : html`<span class="visually-hidden">, new spans wait</span>`}</span>
    <button type="button" onClick=${() => timeline.setPaused(!isPaused)}>${isPaused ? 'Resume' : 'Pause'}</button>
    ${waiting.length === 0 ? null : html`<button type="button" class="new" onClick=${show}>${waiting.length >= MAX_ROWS ? 'More than ' : ''}${waiting.length.toLocaleString('en')} new</button>`}
    <${Summary} rows=${state.rows} />
    <${Export} filter=${filter} />
  </div>`;
}

/** How many of the rows hold, at a glance. */
function Summary({ rows }: { readonly rows: readonly Row[] }) {
  const count = { known: 0, other: 0, fault: 0, unchecked: 0 };
  for (const { check } of rows) count[check?.outcome ?? 'unchecked'] += 1;
  return html`<p class="summary">
    <span>${counted(rows.length, 'span')}</span>
    <span class="check known"><span aria-hidden="true">✓</span> ${count.known.toLocaleString('en')} verified</span>
    ${count.other === 0 ? null : html`<span class="check other"><span aria-hidden="true">◆</span> ${count.other.toLocaleString('en')} not by a valid key</span>`}
    ${count.fault === 0 ? null : html`<span class="check fault"><span aria-hidden="true">✕</span> ${count.fault.toLocaleString('en')} faulty</span>`}
  </p>`;
}

function More({ timeline, state }: PartProps) {
  const end = useRef<HTMLDivElement>(null);
  // The next page is asked for before the end is reached.
  useEffect(() => {
    if (end.current === null || !state.hasMore) return undefined;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) void timeline.loadMore();
      },
      { rootMargin: '600px' },
    );
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [timeline, state.hasMore, state.rows.length]);
  if (state.isFull)
    return html`<p class="end">${counted(MAX_ROWS, 'row')} are as many as are shown. Narrow the filter or the time range to see others.</p>`;
  if (!state.hasMore) return state.rows.length > 0 ? html`<p class="end">That is all.</p>` : null;
  return html`<div class="end" ref=${end}>
    <button type="button" disabled=${state.isLoadingMore} onClick=${() => void timeline.loadMore()}>${state.isLoadingMore ? 'Loading…' : 'Older spans'}</button>
  </div>`;
}

/** Tells the timeline whether its reader is at the top. */
function useTop(timeline: Timeline): void {
  useEffect(() => {
    const look = (): void => timeline.setAtTop(window.scrollY < 60);
    look();
    window.addEventListener('scroll', look, { passive: true });
    return () => window.removeEventListener('scroll', look);
  }, [timeline]);
}
