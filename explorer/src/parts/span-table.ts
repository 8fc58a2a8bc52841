import type { VNode } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { html } from '../html';
import type { Row } from '../ledger/row';
import type { SpanCheck } from '../ledger/span-check';
import { spanHref } from '../route';
import { durationText } from '../text';
import { CheckBadge } from './check-badge';
import { Time } from './time';

/** Narrower than this, a row takes three lines. */
const NARROW = window.matchMedia('(max-width: 760px)');
const ROW_PX = { wide: 38, narrow: 84 };
/** Rows drawn beyond each edge, so that scrolling and Tab meet no blank. */
const OVERSCAN = 12;

/** A table of any length, of which only what can be seen is in the document. */
export function SpanTable({ rows, label }: { readonly rows: readonly Row[]; readonly label: string }) {
  const body = useRef<HTMLDivElement>(null);
  const rowPx = useRowPx();
  const [first, last] = useVisibleRange(body, rows.length, rowPx);
  const onKeyDown = useRowKeys(body, rows.length, rowPx);
  const drawn = useDrawnRows();
  const shown = rows.slice(first, last);
  return html`<div class="spans" role="table" aria-label=${label} aria-rowcount=${rows.length + 1}>
    <div class="head" role="rowgroup"><div class="row" role="row" aria-rowindex="1">
      ${['check', 'time', 'type', 'who did this', 'status', 'owner', 'duration'].map(
        (name) => html`<span role="columnheader" class=${`c-${name.split(' ')[0]}`}>${name}</span>`,
      )}
    </div></div>
    <div class="body" role="rowgroup" ref=${body} style=${{ height: `${rows.length * rowPx}px` }} onKeyDown=${onKeyDown}>
      ${shown.map((row, index) => drawn(row, first + index, rowPx))}
    </div>
  </div>`;
}

interface SpanRowProps {
  readonly row: Row;
  readonly index: number;
  readonly top: number;
}

function SpanRow({ row, index, top }: SpanRowProps) {
  const state = row.check?.outcome ?? 'unchecked';
  return html`<div class=${`row ${state}${row.isDeleted ? ' deleted' : ''}`} role="row" aria-rowindex=${index + 2}
    style=${{ transform: `translateY(${top}px)` }}>
    <span role="cell" class="c-check"><${CheckBadge} check=${row.check} /></span>
    <span role="cell" class="c-time"><${Time} at=${row.at} /></span>
    <span role="cell" class="c-type"><bdi>${row.entityType}</bdi>${row.seq > 0 ? html` <span class="seq" title="version">v${row.seq}</span>` : null}</span>
    <span role="cell" class="c-who"><bdi>${row.who}</bdi> <bdi class="did">${row.did}</bdi> <a
      href=${spanHref(row.id, row.seq)} data-row=${index}><bdi>${row.this || '(empty)'}</bdi></a></span>
    <span role="cell" class="c-status">${row.status === '' ? null : html`<span class=${row.status === 'error' ? 'pill bad' : 'pill'}><bdi>${row.status}</bdi></span>`}${row.isDeleted ? html`<span class="pill">deleted</span>` : null}</span>
    <span role="cell" class="c-owner" title=${row.visibility}><bdi>${row.owner}</bdi></span>
    <span role="cell" class="c-duration">${row.durationMs === undefined ? '' : durationText(row.durationMs)}</span>
  </div>`;
}

interface DrawnRow {
  readonly check: SpanCheck | undefined;
  readonly top: number;
  readonly node: VNode;
}

/** Draws rows, each again only when something of it changed: Preact passes over a node that it was given before. */
function useDrawnRows() {
  const known = useRef(new WeakMap<Row, DrawnRow>());
  return (row: Row, index: number, rowPx: number): VNode => {
    const top = index * rowPx;
    const before = known.current.get(row);
    if (before?.check === row.check && before?.top === top) return before.node;
    const node = html`<${SpanRow} key=${row.key} row=${row} index=${index} top=${top} />` as VNode;
    known.current.set(row, { check: row.check, top, node });
    return node;
  };
}

function useRowPx(): number {
  const [isNarrow, setNarrow] = useState(NARROW.matches);
  useEffect(() => {
    const change = (): void => setNarrow(NARROW.matches);
    NARROW.addEventListener('change', change);
    return () => NARROW.removeEventListener('change', change);
  }, []);
  return isNarrow ? ROW_PX.narrow : ROW_PX.wide;
}

/** Which rows lie in the window: from, to (exclusive). */
function useVisibleRange(
  body: { readonly current: HTMLDivElement | null },
  count: number,
  rowPx: number,
): readonly [number, number] {
  const [range, setRange] = useState<readonly [number, number]>([0, 40]);
  useLayoutEffect(() => {
    const measure = (): void => {
      const top = body.current?.getBoundingClientRect().top ?? 0;
      const first = Math.max(0, Math.min(count, Math.floor(-top / rowPx)) - OVERSCAN);
      const last = Math.max(0, Math.ceil((window.innerHeight - top) / rowPx) + OVERSCAN);
      setRange((before) => (before[0] === first && before[1] === last ? before : [first, last]));
    };
    measure();
    window.addEventListener('scroll', measure, { passive: true });
    window.addEventListener('resize', measure);
    return () => {
      window.removeEventListener('scroll', measure);
      window.removeEventListener('resize', measure);
    };
  }, [count, rowPx]);
  return range;
}

/** Arrow keys, Home and End go from row to row, also to rows that are not drawn yet. */
function useRowKeys(body: { readonly current: HTMLDivElement | null }, count: number, rowPx: number) {
  const wanted = useRef<number | undefined>(undefined);
  const focus = (): void => {
    if (wanted.current === undefined) return;
    const link = body.current?.querySelector<HTMLElement>(`[data-row="${wanted.current}"]`);
    if (link === null || link === undefined) return;
    wanted.current = undefined;
    link.focus({ preventScroll: true });
  };
  useLayoutEffect(focus);
  return (event: KeyboardEvent): void => {
    const link = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-row]') : null;
    if (link === null) return;
    const at = Number(link.dataset.row);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: count - 1 }[event.key];
    if (to === undefined || to < 0 || to >= count) return;
    event.preventDefault();
    wanted.current = to;
    scrollTo(body.current, to, rowPx);
    focus();
  };
}

/** Brings a row into the window, below what sticks to its top. */
function scrollTo(body: HTMLDivElement | null, index: number, rowPx: number): void {
  if (body === null) return;
  const top = body.getBoundingClientRect().top + index * rowPx;
  const above = top - 140;
  const below = top + rowPx - window.innerHeight + 16;
  if (above < 0) window.scrollBy(0, above);
  else if (below > 0) window.scrollBy(0, below);
}
