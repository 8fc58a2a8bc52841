import { performance } from 'node:perf_hooks';
import type { Pace } from './thread-pace';

/** Most work of one turn of the event loop, in bytes of JSON: about 2 ms of parsing, hashing or serialising. */
export const TURN_BYTES = 64 * 1024;

interface Waiting {
  readonly bytes: number;
  readonly start: () => void;
}

/** What each tenant may do in a turn that others have used up, in bytes: 0.3 ms of work. */
const SMALL_BYTES = 8 * 1024;
/** Most bytes by which all of them exceed a turn. */
const MAX_EXCESS_BYTES = TURN_BYTES;

/** Above this many tenants, those that have caught up with the clock are forgotten. */
const MAX_REMEMBERED = 1_000;
/** A tenant that asked for a turn within this is active. */
const ACTIVE_MS = 1_000;
/** Shorter rests than a timer can tell apart are none. */
const MIN_REST_MS = 1;

/**
 * Shares the main thread between tenants: one turn of the event loop does at most {@link TURN_BYTES} of work. Slicing
 * alone is not enough: many sliced batches would each do a slice per turn, and another tenant's single span would wait
 * for all of them at each of its steps.
 *
 * The next piece is the one with the smallest start tag, counted in bytes (start-time fair queueing: Goyal, Vin and
 * Cheng, 1996). Counted in pieces, a page of small spans would wait for as many spans of 1 MB.
 *
 * With a pace, tenants that have work waiting also rest while another active tenant has none waiting. A fair share of a
 * thread that is always busy is no help to a small request: it waits for the processor, too.
 */
export class FairTurns {
  readonly #waiting = new Map<string, Waiting[]>();
  /** Tenant → finish tag of its last piece: that piece's start tag plus its bytes. */
  readonly #finishTags = new Map<string, number>();
  /** Virtual time in bytes: the start tag of the piece started last. */
  #clock = 0;
  /** Bytes of the current turn, those beyond it, and those of each tenant in it. */
  #spentBytes = 0;
  #excessBytes = 0;
  readonly #spentBy = new Map<string, number>();
  #isTurnPlanned = false;
  #turns = 0;
  #rests = 0;
  readonly #pace: Pace | undefined;
  /** Tenant → when it last asked for a turn, the latest last. */
  readonly #askedAtMs = new Map<string, number>();
  /** Tenants that had work waiting when the rest began; undefined while none do rest. */
  #resting: ReadonlySet<string> | undefined;

  /** @param pace Defaults to none: a process that serves one request at a time would only rest from its own work. */
  constructor(pace?: Pace) {
    this.#pace = pace;
  }

  /** Turns of the event loop used so far, for tests. */
  get turns(): number {
    return this.#turns;
  }

  /** Rests so far, for tests. */
  get rests(): number {
    return this.#rests;
  }

  /**
   * Asks for a turn. Undefined when the work may start at once, so that an idle server pays nothing.
   * @param bytes of JSON to work on; a single piece may be larger than {@link TURN_BYTES}
   */
  take(tenant: string, bytes: number): Promise<void> | undefined {
    if (this.#pace !== undefined) this.#noteActive(tenant);
    if (this.#hasRoom(tenant, bytes) && this.#isNext(tenant)) {
      this.#spend(tenant, bytes);
      return undefined;
    }
    return new Promise((start) => {
      const own = this.#waiting.get(tenant);
      if (own === undefined) this.#waiting.set(tenant, [{ bytes, start }]);
      else own.push({ bytes, start });
    });
  }

  /** Whether a piece still fits into this turn, or is little enough to go beside what others do in it. */
  #hasRoom(tenant: string, bytes: number): boolean {
    if (this.#spentBytes === 0 || this.#spentBytes + bytes <= TURN_BYTES) return true;
    const own = (this.#spentBy.get(tenant) ?? 0) + bytes;
    return own <= SMALL_BYTES && this.#excessBytes + bytes <= MAX_EXCESS_BYTES;
  }

  /** Whether no waiting tenant comes before this one. */
  #isNext(tenant: string): boolean {
    if (this.#waiting.size === 0) return true;
    if (this.#waiting.has(tenant)) return false;
    const startTag = this.#startTagOf(tenant);
    for (const other of this.#waiting.keys()) {
      if (this.#startTagOf(other) <= startTag && !this.#resting?.has(other)) return false;
    }
    return true;
  }

  #startTagOf(tenant: string): number {
    return Math.max(this.#clock, this.#finishTags.get(tenant) ?? 0);
  }

  #spend(tenant: string, bytes: number): void {
    this.#clock = this.#startTagOf(tenant);
    this.#finishTags.set(tenant, this.#clock + bytes);
    if (this.#finishTags.size > MAX_REMEMBERED) this.#forgetCaughtUp();
    // At least 1, since 0 means that the turn has done no work yet and takes a piece of any size.
    if (this.#spentBytes === 0 || this.#spentBytes + bytes <= TURN_BYTES)
      this.#spentBytes += Math.max(bytes, 1);
    else this.#excessBytes += bytes;
    this.#spentBy.set(tenant, (this.#spentBy.get(tenant) ?? 0) + bytes);
    if (this.#isTurnPlanned) return;
    this.#isTurnPlanned = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isTurnPlanned = false;
    this.#spentBytes = 0;
    this.#excessBytes = 0;
    this.#spentBy.clear();
    this.#turns += 1;
    if (this.#waiting.size === 0) this.#finishTags.clear();
    this.#serve();
    // Those who have done little are served by now; who still waits has had a turn of work.
    this.#mayRest();
  }

  #serve(): void {
    for (;;) {
      const tenant = this.#first();
      const own = tenant === undefined ? undefined : this.#waiting.get(tenant);
      const piece = own?.[0];
      if (tenant === undefined || own === undefined || piece === undefined) return;
      if (!this.#hasRoom(tenant, piece.bytes)) return;
      own.shift();
      // Inserted again at the end: tenants with the same start tag take turns.
      this.#waiting.delete(tenant);
      if (own.length > 0) this.#waiting.set(tenant, own);
      this.#spend(tenant, piece.bytes);
      piece.start();
    }
  }

  /** Begins a rest of all who have work waiting, if there is somebody whom it helps. */
  #mayRest(): void {
    const pace = this.#pace;
    if (pace === undefined || this.#resting !== undefined || this.#waiting.size === 0) return;
    const restMs = this.#isSomebodyLight() ? pace.restMs() : 0;
    if (restMs < MIN_REST_MS) return;
    this.#rests += 1;
    this.#resting = new Set(this.#waiting.keys());
    setTimeout(() => {
      pace.rested();
      this.#resting = undefined;
      if (!this.#isTurnPlanned) this.#turn();
    }, restMs);
  }

  /** Whether a tenant is active that has nothing waiting. */
  #isSomebodyLight(): boolean {
    const sinceMs = performance.now() - ACTIVE_MS;
    for (const [tenant, atMs] of this.#askedAtMs) {
      if (atMs < sinceMs) this.#askedAtMs.delete(tenant);
      else if (!this.#waiting.has(tenant)) return true;
    }
    return false;
  }

  #noteActive(tenant: string): void {
    this.#askedAtMs.delete(tenant);
    this.#askedAtMs.set(tenant, performance.now());
    if (this.#askedAtMs.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#askedAtMs.keys()) {
      this.#askedAtMs.delete(oldest);
      return;
    }
  }

  #first(): string | undefined {
    let first: string | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const tenant of this.#waiting.keys()) {
      if (this.#resting?.has(tenant)) continue;
      const startTag = this.#startTagOf(tenant);
      if (startTag >= least) continue;
      least = startTag;
      first = tenant;
    }
    return first;
  }

  #forgetCaughtUp(): void {
    for (const [tenant, tag] of this.#finishTags) if (tag <= this.#clock) this.#finishTags.delete(tenant);
  }
}
