import type { Filter } from '../filter';
import { Store } from '../store';
import { type Ledger, LogLineError, PAGE_SPANS, type Span } from './ledger';
import { byTime, type Row, rowOf } from './row';
import { checkSpan, unchecked } from './span-check';

/** What the page shows of a listing and what arrives meanwhile. */
export interface TimelineState {
  /** Newest first. */
  readonly rows: readonly Row[];
  /** Arrived, and not shown yet. */
  readonly waiting: readonly Row[];
  readonly phase: 'loading' | 'ready' | 'failed';
  readonly error: unknown;
  readonly hasMore: boolean;
  readonly isLoadingMore: boolean;
  /** Rows above {@link MAX_ROWS} were dropped or not loaded. */
  readonly isFull: boolean;
  readonly tail: 'connecting' | 'live' | 'reconnecting' | 'off';
  readonly isPaused: boolean;
}

/** Most rows kept; for more, users narrow the filter or export. */
export const MAX_ROWS = 10_000;
const MAX_CHECKS = 5;
/** Spans that are being checked at a time; the tail asks for no more before they are done. */
const MAX_CHECKING = 200;
/** Changes are shown that often, however many come: drawing takes longer than checking. */
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

/** The listing of one filter, page by page, and new spans since it was opened, without a gap in between. */
export class Timeline {
  readonly state = new Store<TimelineState>(START);
  readonly ledger: Ledger;
  readonly filter: Filter;
  readonly #ended = new AbortController();
  readonly #pages: AsyncGenerator<Span, void, undefined>;
  /** Keys of what is shown or waits: a span may come by the listing and by the tail. */
  readonly #seen = new Set<string>();
  /** Came by the tail since the last change was shown. */
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

  /** While the reader is further down, or paused, what arrives waits, so that nothing moves under their eyes. */
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

  /** The tail first, then the list: what commits in between comes by the tail. */
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

  /** Rows of the spans that are not there yet; each is checked, and its content let go. */
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
        // A task of its own: a page of checks in one would hold up scrolling and typing.
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

  /** What comes in great number, arrivals and checks, is shown together. */
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
    // A check is written into its row, so the state is another one even when its members are not.
    this.state.value = { ...this.#next };
  }
}
