import type { DatabaseOptions } from '../runtime/db/database-options';
import type { Database } from '../runtime/db/pool';
import type { SeenRequest } from '../runtime/stage0/stage0';
import type { SandboxEnd } from './kernel-messages';
import { OtlpTraces } from './otlp-traces';
import { newTraceSpanId, requestSpan } from './trace-span';

export interface WatchOptions {
  /** Port of `/metrics` on loopback; undefined serves none. */
  readonly metricsPort: number | undefined;
  /** Collector of traces; undefined sends none. */
  readonly otlpEndpoint: string | undefined;
  /** As role `logline_auditor`. */
  readonly auditor: DatabaseOptions;
  readonly pool: () => Database | undefined;
  readonly onTrouble: (message: string) => void;
}

/** What watches a local run, as far as it was asked for. */
export interface Watch {
  /** Undefined when nobody watches. */
  readonly onRequest: ((seen: SeenRequest) => void) | undefined;
  /** Told of each commit, of how many appends shared it; undefined without metrics. */
  readonly onCommit: ((batches: number) => void) | undefined;
  /** Told of each run in the sandbox; undefined without metrics. */
  readonly onRun: ((end: SandboxEnd) => void) | undefined;
  /** Undefined when nobody collects traces. */
  readonly newSpanId: (() => string) | undefined;
  readonly metricsUrl: string | undefined;
  close(): Promise<void>;
}

/** Starts `/metrics` and the sending of traces. @throws OperatorError when the port is taken */
export async function startWatching(options: WatchOptions): Promise<Watch> {
  const observers: ((seen: SeenRequest) => void)[] = [];
  const closers: (() => Promise<void>)[] = [];
  let counted: Pick<Watch, 'onCommit' | 'onRun'> = { onCommit: undefined, onRun: undefined };
  let metricsUrl: string | undefined;
  let newSpanId: Watch['newSpanId'];
  if (options.metricsPort !== undefined) {
    // Loaded for this alone.
    const { createLedgerMetrics } = await import('./ledger-metrics');
    const { openMetricsListener } = await import('./metrics-listener');
    const metrics = createLedgerMetrics(options);
    const listener = await openMetricsListener(options.metricsPort, metrics);
    observers.push((seen) => metrics.observe(seen));
    closers.push(() => listener.close());
    counted = { onCommit: metrics.committed, onRun: metrics.ran };
    metricsUrl = listener.url;
  }
  if (options.otlpEndpoint !== undefined) {
    newSpanId = newTraceSpanId;
    const traces = new OtlpTraces({ endpoint: options.otlpEndpoint, onTrouble: options.onTrouble });
    observers.push((seen) => traces.add(requestSpan(seen)));
    closers.push(() => traces.close());
  }
  return {
    ...counted,
    onRequest:
      observers.length === 0
        ? undefined
        : (seen) => {
            for (const observe of observers) observe(seen);
          },
    newSpanId,
    metricsUrl,
    async close() {
      for (const close of closers) await close();
    },
  };
}
