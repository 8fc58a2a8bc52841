import { h, type VNode } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Row } from '../ledger/row';
import type { SpanCheck } from '../ledger/span-check';
import { NARROW, useListener } from '../listener';
import { spanHref } from '../route';
import { durationText } from '../text';
import { CheckBadge } from './check-badge';
import { Pill } from './isolated';
import { Time } from './time';

/** Height of a row, which takes three lines in a narrow window. */
const ROW_PX = { wide: 38, narrow: 84 };
/** Rows rendered beyond each edge of the window, so that scrolling and Tab reach no blank. */
const OVERSCAN = 12;

interface SpanTableProps {
  readonly rows: readonly Row[];
  readonly label: string;
  /** Called when the last row is near. */
  readonly onEnd?: () => unknown;
}

/** A table of any length, of which only the rows near the window are in the document. */
export function SpanTable({ rows, label, onEnd }: SpanTableProps) {
  const body = useRef<HTMLDivElement>(null);
  const rowPx = useRowPx();
  const [first, last] = useVisibleRange(body, rows.length, rowPx, onEnd);
  const onKeyDown = useRowKeys(body, rows.length, rowPx);
  const drawn = useDrawnRows();
  const shown = rows.slice(first, last);
  return (
    <div class="spans" role="table" aria-label={label} aria-rowcount={rows.length + 1}>
      <div class="head" role="rowgroup">
        <div class="row" role="row" aria-rowindex={1}>
          {['check', 'time', 'type', 'who did this', 'status', 'owner', 'duration'].map((name) => (
            <span role="columnheader" class={`c-${name.split(' ')[0]}`}>
              {name}
            </span>
          ))}
        </div>
      </div>
      <div
        class="body"
        role="rowgroup"
        ref={body}
        style={{ height: `${rows.length * rowPx}px` }}
        onKeyDown={onKeyDown}
      >
        {shown.map((row, index) => drawn(row, first + index, rowPx))}
      </div>
    </div>
  );
}

interface SpanRowProps {
  readonly row: Row;
  readonly index: number;
  readonly top: number;
}

function SpanRow({ row, index, top }: SpanRowProps) {
  const state = row.check?.outcome ?? 'unchecked';
  return (
    <div
      class={`row ${state}${row.isDeleted ? ' deleted' : ''}`}
      role="row"
      aria-rowindex={index + 2}
      style={{ transform: `translateY(${top}px)` }}
    >
      <span role="cell" class="c-check">
        <CheckBadge check={row.check} />
      </span>
      <span role="cell" class="c-time">
        <Time at={row.at} />
      </span>
      <span role="cell" class="c-type">
        <bdi>{row.entityType}</bdi>
        {row.seq > 0 && (
          <span class="seq" title="version">
            v{row.seq}
          </span>
        )}
      </span>
      <span role="cell" class="c-who">
        <bdi>{row.who}</bdi> <bdi class="did">{row.did}</bdi>{' '}
        <a href={spanHref(row.id, row.seq)} data-row={index}>
          <bdi>{row.this || '(empty)'}</bdi>
        </a>
      </span>
      <span role="cell" class="c-status">
        {row.status && <Pill text={row.status} tone={row.status === 'error' ? 'bad' : ''} />}
        {row.isDeleted && <Pill text="deleted" />}
      </span>
      <span role="cell" class="c-owner" title={row.visibility}>
        <bdi>{row.owner}</bdi>
      </span>
      <span role="cell" class="c-duration">
        {row.durationMs !== undefined && durationText(row.durationMs)}
      </span>
    </div>
  );
}

interface DrawnRow {
  readonly check: SpanCheck | undefined;
  readonly top: number;
  readonly node: VNode;
}

/** Renders a row again only when its check or place changed: Preact skips a node that it has rendered before. */
function useDrawnRows() {
  const known = useRef(new WeakMap<Row, DrawnRow>());
  return (row: Row, index: number, rowPx: number): VNode => {
    const top = index * rowPx;
    const before = known.current.get(row);
    if (before?.check === row.check && before?.top === top) return before.node;
    const node = (<SpanRow key={row.key} row={row} index={index} top={top} />) as VNode;
    known.current.set(row, { check: row.check, top, node });
    return node;
  };
}

function useRowPx(): number {
  const [isNarrow, setNarrow] = useState(NARROW.matches);
  useListener(NARROW, ['change'], () => setNarrow(NARROW.matches), []);
  return isNarrow ? ROW_PX.narrow : ROW_PX.wide;
}

/** Rows to render: first, and last (exclusive). Calls `onEnd` when the last row is among them. */
function useVisibleRange(
  body: { readonly current: HTMLDivElement | null },
  count: number,
  rowPx: number,
  onEnd: (() => unknown) | undefined,
): readonly [number, number] {
  const [range, setRange] = useState<readonly [number, number]>([0, 40]);
  const measure = (): void => {
    const top = body.current?.getBoundingClientRect().top ?? 0;
    const first = Math.max(0, Math.min(count, Math.floor(-top / rowPx)) - OVERSCAN);
    const last = Math.max(0, Math.ceil((innerHeight - top) / rowPx) + OVERSCAN);
    // Within the overscan, so that the next page is requested before the user reaches the end.
    if (last >= count) onEnd?.();
    setRange((before) => (before[0] === first && before[1] === last ? before : [first, last]));
  };
  useListener(window, ['scroll', 'resize'], measure, [count, rowPx]);
  return range;
}

/** Arrow keys, Home and End move the focus between rows, also to rows that are not rendered yet. */
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

/** Scrolls a row into the window, below the sticky heads. */
function scrollTo(body: HTMLDivElement | null, index: number, rowPx: number): void {
  if (body === null) return;
  const top = body.getBoundingClientRect().top + index * rowPx;
  const above = top - 140;
  const below = top + rowPx - innerHeight + 16;
  if (above < 0) scrollBy(0, above);
  else if (below > 0) scrollBy(0, below);
}
