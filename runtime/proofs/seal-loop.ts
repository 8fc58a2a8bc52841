import type { Logger } from '../log/logger';
import type { Auditor } from './auditor';
import type { Sealer, SealOutcome } from './sealer';

export interface SealLoopOptions {
  readonly sealer: Sealer;
  readonly auditor: Auditor;
  readonly logger: Logger;
  /**
   * Pause between a commit and the batch that seals it, so that commits share one: a batch costs some milliseconds, however
   * few spans it has. Defaults to 250.
   */
  readonly gatherMs?: number;
  /** Polling interval, for spans of other processes. Defaults to 1,000. */
  readonly lookMs?: number;
  /** Spans a second that are audited while sealing has work. Defaults to 200. */
  readonly auditFloor?: number;
}

/** While sealing has work, the audit looks this often: opening it costs as much as some spans. */
const BUSY_AUDIT_EVERY_MS = 1_000;
/** What such a look makes up for at most. */
const BUSY_AUDIT_MAX_MS = 2_000;
/** Spans of one round of the audit while there is nothing to seal. */
const IDLE_AUDIT = 1_000;
/** Pause between two such rounds, to leave the processor to others. */
const IDLE_AUDIT_PAUSE_MS = 5;

/** Seals and audits for as long as a ledger runs. */
export class SealLoop {
  readonly #options: SealLoopOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #isRunning = false;
  #isWoken = false;
  #isStopped = false;
  #isBehind = false;
  #isAuditDue = true;
  #lastAuditMs = 0;
  #hasTrouble = false;

  constructor(options: SealLoopOptions) {
    this.#options = options;
  }

  /** Whether sealing has stopped because the database is older than what was signed. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  start(): void {
    this.#schedule(0);
  }

  /** Seals soon, because something was committed. */
  wake(): void {
    this.#isAuditDue = true;
    // The round under way may have looked before this commit.
    this.#isWoken = this.#isRunning;
    this.#schedule(this.#gatherMs);
  }

  /** Stops, after the current batch. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** Schedules the next round, or moves it earlier. */
  #schedule(delayMs: number): void {
    if (this.#isStopped || this.#isRunning) return;
    const dueMs = performance.now() + delayMs;
    if (this.#timer !== undefined && this.#dueMs <= dueMs) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#isRunning = true;
      this.#running = this.#round().then((nextMs) => {
        this.#isRunning = false;
        this.#schedule(this.#isWoken ? Math.min(nextMs, this.#gatherMs) : nextMs);
        this.#isWoken = false;
      });
    }, delayMs);
    this.#timer.unref();
  }
  #dueMs = 0;

  get #gatherMs(): number {
    return this.#options.gatherMs ?? 250;
  }

  /** One batch and a share of the audit. Returns how long to wait for the next. */
  async #round(): Promise<number> {
    const { sealer, logger, lookMs = 1_000 } = this.#options;
    try {
      const outcome = await sealer.sealBatch();
      this.#note(outcome);
      const isBusy = outcome.outcome === 'sealed';
      if (isBusy) this.#isAuditDue = true;
      const audited = await this.#audit(isBusy);
      this.#hasTrouble = false;
      if (outcome.outcome === 'sealed' && outcome.isMore) return 0;
      return isBusy ? this.#gatherMs : audited > 0 ? IDLE_AUDIT_PAUSE_MS : lookMs;
    } catch (error) {
      if (!this.#hasTrouble) logger.error({ err: error }, 'sealing failed; trying again');
      this.#hasTrouble = true;
      return lookMs;
    }
  }

  #note({ outcome }: SealOutcome): void {
    const isBehind = outcome === 'restore_needed';
    if (isBehind && !this.#isBehind) {
      this.#options.logger.error(
        { code: 'restore_needed' },
        'the database is older than what the rollback guard knows was signed; nothing is sealed until npx logline restore has run',
      );
    }
    if (outcome !== 'busy') this.#isBehind = isBehind;
  }

  /** While sealing has work, the audit keeps to its floor. */
  async #audit(isBusy: boolean): Promise<number> {
    if (!this.#isAuditDue) return 0;
    const { auditor, auditFloor = 200 } = this.#options;
    const now = performance.now();
    const sinceMs = Math.min(now - this.#lastAuditMs, BUSY_AUDIT_MAX_MS);
    if (isBusy && sinceMs < BUSY_AUDIT_EVERY_MS) return 0;
    const limit = isBusy ? Math.floor((auditFloor * sinceMs) / 1_000) : IDLE_AUDIT;
    if (limit < 1) return 0;
    const audited = await auditor.auditBatch(limit);
    this.#lastAuditMs = now;
    if (audited === 0 && !isBusy) this.#isAuditDue = false;
    return audited;
  }
}
