import { pooledRandomHex } from '../runtime/crypto/random-pool';
import type { SeenRequest } from '../runtime/stage0/stage0';

/** Spans that wait to be sent; what is beyond is dropped. */
const MAX_WAITING = 4_096;
const MAX_BATCH = 512;
const EVERY_MS = 2_000;
const TIMEOUT_MS = 5_000;
/** OTLP's enumerations: SPAN_KIND_SERVER, STATUS_CODE_ERROR. */
const SERVER = 2;
const ERROR = 2;

export interface OtlpTracesOptions {
  /** `OTEL_EXPORTER_OTLP_ENDPOINT`; traces go to `/v1/traces` below it. */
  readonly endpoint: string;
  /** Told once that they do not arrive. */
  readonly onTrouble: (message: string) => void;
  /** Defaults to 2,000. */
  readonly everyMs?: number;
}

/**
 * Sends a span for each request to an OpenTelemetry collector, as OTLP in JSON over HTTP, in batches beside the work.
 * A collector that is gone costs spans, never requests.
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

  observe(seen: SeenRequest): void {
    if (this.#waiting.length >= MAX_WAITING) return;
    const endMs = performance.timeOrigin + performance.now();
    const parent = /^[0-9a-f]{2}-[0-9a-f]{32}-([0-9a-f]{16})-/.exec(seen.traceparent ?? '')?.[1];
    this.#waiting.push({
      traceId: seen.traceId,
      spanId: pooledRandomHex(8),
      ...(parent === undefined ? {} : { parentSpanId: parent }),
      name: `${seen.method} ${seen.route}`,
      kind: SERVER,
      startTimeUnixNano: nanoseconds(endMs - seen.durationMs),
      endTimeUnixNano: nanoseconds(endMs),
      attributes: [
        attribute('http.request.method', { stringValue: seen.method }),
        attribute('http.route', { stringValue: seen.route }),
        attribute('http.response.status_code', { intValue: String(seen.status) }),
      ],
      status: seen.status >= 500 ? { code: ERROR } : {},
    });
  }

  /** Sends what waits, one batch at a time. */
  flush(): Promise<void> {
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

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
                resource: { attributes: [attribute('service.name', { stringValue: 'logline' })] },
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

function attribute(key: string, value: object): object {
  return { key, value };
}

function nanoseconds(ms: number): string {
  return String(BigInt(Math.round(ms * 1_000)) * 1_000n);
}
