import type { KernelHostOptions } from '../runtime/host/kernel-host';
import type { OtlpTraces } from './otlp-traces';
import { contextIn, newTraceSpanId } from './trace-span';

type OutgoingHttp = KernelHostOptions['fetch'];

/** Wraps outgoing HTTP: each call with a `traceparent` becomes a child span of its run. */
export function tracedHttp(fetch: OutgoingHttp, traces: Pick<OtlpTraces, 'add'>): OutgoingHttp {
  return async (request, allowedHosts) => {
    const run = contextIn(request.headers.traceparent);
    if (run === undefined) return fetch(request, allowedHosts);
    const spanId = newTraceSpanId();
    const traceparent = `00-${run.traceId}-${spanId}-01`;
    const startedMs = performance.now();
    const response = await fetch({ ...request, headers: { ...request.headers, traceparent } }, allowedHosts);
    traces.add({
      traceId: run.traceId,
      spanId,
      parentSpanId: run.spanId,
      name: request.method,
      kind: 'client',
      durationMs: performance.now() - startedMs,
      attributes: {
        'http.request.method': request.method,
        'server.address': new URL(request.url).hostname,
        ...(response.ok ? { 'http.response.status_code': response.status } : { 'error.type': response.code }),
      },
      isError: !response.ok || response.status >= 400,
    });
    return response;
  };
}
