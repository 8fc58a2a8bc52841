import type { Filter } from '../filter';
import { Store } from '../store';
import { type Ledger, LogLineError, PAGE_SPANS, type Span } from './ledger';
import { byTime, type Row, rowOf } from './row';
import { checkSpan, unchecked } from './span-check';

/** State of a listing and of its live tail. */
export interface TimelineState {
  /** Newest first. */
  readonly rows: readonly Row[];
  /** Arrived rows that are not shown yet, newest first. */
  readonly waiting: readonly Row[];
  readonly phase: 'loading' | 'ready' | 'failed';
  readonly error: unknown;
  readonly hasMore: boolean;
  readonly isLoadingMore: boolean;
  /** Whether {@link MAX_ROWS} is reached, so further rows are dropped or not loaded. */
  readonly isFull: boolean;
  readonly tail: 'connecting' | 'live' | 'reconnecting' | 'off';
  readonly isPaused: boolean;
}

/** Limit of rows; for more, users narrow the filter or export. */
export const MAX_ROWS = 10_000;
const MAX_CHECKS = 5;
/** Checks under way at which the tail stops reading until they are done. */
const MAX_CHECKING = 200;
/** Interval of rendering while changes arrive, because rendering takes longer than checking. */
const SHOW_EVERY_MS = 100;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 8_000;

const START: TimelineState = {
  rows: [],
  waiting: [],
  phase: 'loading',
  error: undefined,
  hasMore: false,
  isLoadingMore: false,
  isFull: false,
  tail: 'connecting',
  isPaused: false,
};

/** The listing of one filter, page by page, and all spans that arrive after it was opened, without a gap. */
export class Timeline {
  readonly state = new Store<TimelineState>(START);
  readonly ledger: Ledger;
  readonly filter: Filter;
  readonly #ended = new AbortController();
  readonly #pages: AsyncGenerator<Span, void, undefined>;
  /** Keys of rows that are shown or wait, because the listing and the tail may return the same span. */
  readonly #seen = new Set<string>();
  /** Rows that the tail returned since the last rendering. */
  #arrived: Row[] = [];
  readonly #checking = new Set<Promise<void>>();
  #cursor: string | undefined;
  #isListed = false;
  #isAtTop = true;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #shownAt = 0;
  #retryMs = FIRST_RETRY_MS;
  #next: TimelineState = START;

  constructor(ledger: Ledger, filter: Filter) {
    this.ledger = ledger;
    this.filter = filter;
    this.#pages = ledger.timeline(filter, this.#ended.signal);
    void this.#follow();
  }

  close(): void {
    this.#ended.abort();
    clearTimeout(this.#timer);
  }

  /** Unless the page is at its top and not paused, arriving rows wait, so that the rows in view do not move. */
  setAtTop(isAtTop: boolean): void {
    this.#isAtTop = isAtTop;
    if (isAtTop && !this.#next.isPaused) this.showWaiting();
  }

  setPaused(isPaused: boolean): void {
    this.#change({ isPaused });
    if (!isPaused && this.#isAtTop) this.showWaiting();
  }

  showWaiting(): void {
    if (this.#next.waiting.length === 0) return;
    this.#add(this.#next.waiting, { waiting: [] });
  }

  async loadMore(): Promise<void> {
    if (this.#next.isLoadingMore || (!this.#next.hasMore && this.#isListed)) return;
    this.#change({ isLoadingMore: true });
    try {
      const spans: Span[] = [];
      let hasMore = true;
      while (spans.length < PAGE_SPANS && hasMore) {
        const { done, value } = await this.#pages.next();
        if (done === true) hasMore = false;
        else spans.push(value);
      }
      this.#isListed = true;
      this.#add(this.#newRows(spans), { phase: 'ready', hasMore, isLoadingMore: false, error: undefined });
    } catch (error) {
      if (this.#ended.signal.aborted) return;
      // A generator that threw has ended, so a retry starts a new one.
      this.#change({ phase: 'failed', error, isLoadingMore: false, hasMore: false });
    }
  }

  /** Opens the tail before the listing, so that it returns what commits in between. */
  async #follow(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        await this.#subscribe();
      } catch (error) {
        if (signal.aborted) return;
        const status = error instanceof LogLineError ? error.status : 0;
        if (!this.#isListed) await this.loadMore();
        if (status >= 400 && status < 500 && status !== 429) {
          this.#change({ tail: 'off' });
          return;
        }
        this.#change({ tail: 'reconnecting' });
        await new Promise((resolve) => setTimeout(resolve, this.#retryMs));
        this.#retryMs = Math.min(MAX_RETRY_MS, this.#retryMs * 2);
      }
    }
  }

  async #subscribe(): Promise<void> {
    const onReady = (cursor: string): void => {
      this.#cursor = cursor;
      this.#ready();
    };
    const { signal } = this.#ended;
    for await (const { span, cursor } of this.ledger.tail(this.filter, signal, onReady, this.#cursor)) {
      this.#cursor = cursor;
      this.#arrived.push(...this.#newRows([span]));
      this.#changeSoon();
      if (this.#checking.size >= MAX_CHECKING) await Promise.all(this.#checking);
    }
  }

  #ready(): void {
    this.#retryMs = FIRST_RETRY_MS;
    this.#change({ tail: 'live' });
    if (!this.#isListed) void this.loadMore();
  }

  #mergeArrived(): void {
    const rows = this.#arrived;
    if (rows.length === 0) return;
    this.#arrived = [];
    if (this.#isAtTop && !this.#next.isPaused) this.#add(rows, {});
    else this.#change({ waiting: this.#kept([...rows.reverse(), ...this.#next.waiting]) });
  }

  #kept(rows: readonly Row[]): readonly Row[] {
    for (const row of rows.slice(MAX_ROWS)) this.#seen.delete(row.key);
    return rows.slice(0, MAX_ROWS);
  }

  /** Rows of spans that are not known yet. Starts their checks, after which their content is released. */
  #newRows(spans: readonly Span[]): Row[] {
    return spans.flatMap((span) => {
      const row = rowOf(span);
      if (this.#seen.has(row.key)) return [];
      this.#seen.add(row.key);
      const check = this.#check(row, span).finally(() => this.#checking.delete(check));
      this.#checking.add(check);
      return [row];
    });
  }

  async #check(row: Row, span: Span): Promise<void> {
    for (let attempt = 1; row.check === undefined && !this.#ended.signal.aborted; attempt += 1) {
      try {
        const keys = await this.ledger.keys();
        // One task per check: a page of checks in one task would block scrolling and typing.
        await new Promise((resolve) => setTimeout(resolve));
        row.check = await checkSpan(span, keys);
      } catch (error) {
        // The keys may load on a retry; a browser that lacks Ed25519 will not.
        if (attempt === MAX_CHECKS) row.check = unchecked(error);
        else await new Promise((resolve) => setTimeout(resolve, FIRST_RETRY_MS * attempt));
      }
    }
    this.#changeSoon();
  }

  #add(rows: readonly Row[], more: Partial<TimelineState>): void {
    const all = [...rows, ...this.#next.rows].sort(byTime);
    const isFull = this.#next.isFull || all.length >= MAX_ROWS;
    this.#change({ ...more, rows: this.#kept(all), isFull, ...(isFull ? { hasMore: false } : {}) });
  }

  #change(more: Partial<TimelineState>): void {
    if (this.#ended.signal.aborted) return;
    this.#next = { ...this.#next, ...more };
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#show());
  }

  /** Arrivals and checks are rendered together, since there are many. */
  #changeSoon(): void {
    if (this.#ended.signal.aborted) return;
    const waitMs = Math.max(0, this.#shownAt + SHOW_EVERY_MS - Date.now());
    this.#timer ??= setTimeout(() => this.#show(), waitMs);
  }

  #show(): void {
    this.#mergeArrived();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#shownAt = Date.now();
    // A copy, because checks change rows in place and the store ignores the same object.
    this.state.value = { ...this.#next };
  }
}
