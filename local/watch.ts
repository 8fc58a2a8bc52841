import type { DatabaseOptions } from '../runtime/db/database-options';
import type { Database } from '../runtime/db/pool';
import type { SeenRequest } from '../runtime/stage0/stage0';
import type { SandboxEnd } from './kernel-messages';
import { OtlpTraces } from './otlp-traces';
import { newTraceSpanId, requestSpan } from './trace-span';

/** Options of {@link startWatching}. */
export interface WatchOptions {
  /** Port of `/metrics` on loopback; undefined serves none. */
  readonly metricsPort: number | undefined;
  /** Collector of traces; undefined sends none. */
  readonly otlpEndpoint: string | undefined;
  /** Connection as role `logline_auditor`. */
  readonly auditor: DatabaseOptions;
  readonly pool: () => Database | undefined;
  readonly onTrouble: (message: string) => void;
}

/** Metrics and traces of a local run, as configured. */
export interface Watch {
  /** Called with each request; undefined without metrics and traces. */
  readonly onRequest: ((seen: SeenRequest) => void) | undefined;
  /** Called after each commit with the number of appends that shared it; undefined without metrics. */
  readonly onCommit: ((batches: number) => void) | undefined;
  /** Called after each sandbox run; undefined without metrics. */
  readonly onRun: ((end: SandboxEnd) => void) | undefined;
  /** Creates span ids; undefined without a collector. */
  readonly newSpanId: (() => string) | undefined;
  readonly metricsUrl: string | undefined;
  close(): Promise<void>;
}

/**
 * Starts `/metrics` and the export of traces.
 * @throws OperatorError when the port is taken
 */
export async function startWatching(options: WatchOptions): Promise<Watch> {
  const observers: ((seen: SeenRequest) => void)[] = [];
  const closers: (() => Promise<void>)[] = [];
  let counted: Pick<Watch, 'onCommit' | 'onRun'> = { onCommit: undefined, onRun: undefined };
  let metricsUrl: string | undefined;
  let newSpanId: Watch['newSpanId'];
  if (options.metricsPort !== undefined) {
    // Loaded only when metrics are on.
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
