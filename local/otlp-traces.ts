import { attribute, otlpOf, type TraceSpan } from './trace-span';

/** Limit of queued spans; further ones are dropped. */
const MAX_WAITING = 4_096;
const MAX_BATCH = 512;
const EVERY_MS = 2_000;
const TIMEOUT_MS = 5_000;

/** Options of {@link OtlpTraces}. */
export interface OtlpTracesOptions {
  /** `OTEL_EXPORTER_OTLP_ENDPOINT`; traces go to `/v1/traces` below it. */
  readonly endpoint: string;
  /** Called once when the collector does not take them. */
  readonly onTrouble: (message: string) => void;
  /** Milliseconds between batches. Defaults to 2,000. */
  readonly everyMs?: number;
}

/**
 * Sends trace spans to an OpenTelemetry collector as OTLP/HTTP JSON, in background batches. An unreachable collector loses
 * spans and never fails requests.
 * @see https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
export class OtlpTraces {
  readonly #options: OtlpTracesOptions;
  readonly #timer: NodeJS.Timeout;
  #waiting: object[] = [];
  #sending: Promise<void> | undefined;
  #isTold = false;

  constructor(options: OtlpTracesOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.flush(), options.everyMs ?? EVERY_MS);
    this.#timer.unref();
  }

  /** @param span undefined adds nothing */
  add(span: TraceSpan | undefined): void {
    if (span !== undefined && this.#waiting.length < MAX_WAITING) this.#waiting.push(otlpOf(span));
  }

  /** Sends the queued spans, one batch at a time. */
  flush(): Promise<void> {
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  /** Sends what is queued and stops. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  async #send(): Promise<void> {
    while (this.#waiting.length > 0) {
      const spans = this.#waiting.splice(0, MAX_BATCH);
      try {
        const response = await fetch(`${this.#options.endpoint}/v1/traces`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({
            resourceSpans: [
              {
                resource: { attributes: [attribute('service.name', 'logline')] },
                scopeSpans: [{ scope: { name: 'logline' }, spans }],
              },
            ],
          }),
          redirect: 'error',
          signal: AbortSignal.timeout(TIMEOUT_MS),
        });
        await response.body?.cancel();
        if (!response.ok) throw new Error(`HTTP ${response.status}`);
      } catch {
        if (!this.#isTold) this.#options.onTrouble(`traces do not arrive at ${this.#options.endpoint}`);
        this.#isTold = true;
        return;
      }
    }
  }
}
