import { pooledRandomHex } from '../runtime/crypto/random-pool';
import type { InvokedKernel } from '../runtime/host/kernel-host';
import { objectOf } from '../runtime/json/json-object';
import type { SeenRequest } from '../runtime/stage0/stage0';

/** OTLP's enumerations of kinds (SPAN_KIND_INTERNAL, SERVER, CLIENT) and of a status (STATUS_CODE_ERROR). */
const KINDS = { internal: 1, server: 2, client: 3 } as const;
const ERROR = 2;

/** A span of a trace, which is not a span of the ledger. It is created when it ends. */
export interface TraceSpan {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: keyof typeof KINDS;
  readonly durationMs: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly isError: boolean;
}

/** A new span id. */
export function newTraceSpanId(): string {
  return pooledRandomHex(8);
}

/** Parses a `traceparent`; undefined when it is invalid. */
export function contextIn(traceparent: string | null | undefined) {
  const [, traceId, spanId] = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-/.exec(traceparent ?? '') ?? [];
  return traceId === undefined || spanId === undefined ? undefined : { traceId, spanId };
}

/** Span of a request to the API. */
export function requestSpan(seen: SeenRequest): TraceSpan {
  const parent = contextIn(seen.traceparent);
  return {
    traceId: seen.traceId,
    spanId: seen.spanId ?? newTraceSpanId(),
    // Only a traceparent whose trace was accepted is a parent.
    parentSpanId: parent?.traceId === seen.traceId ? parent.spanId : undefined,
    name: `${seen.method} ${seen.route}`,
    kind: 'server',
    durationMs: seen.durationMs,
    attributes: {
      'http.request.method': seen.method,
      'http.route': seen.route,
      'http.response.status_code': seen.status,
    },
    isError: seen.status >= 500,
  };
}

/**
 * Span of a run or provider call. Its id is the end of the ledger record's id, so that one can be found from the other.
 * @returns undefined for one without a trace, such as a tick
 */
export function runSpan({ kernel, event, outcome, durationMs }: InvokedKernel): TraceSpan | undefined {
  const { trace_id: traceId, parent_span_id: parent, trigger } = objectOf(event);
  if (typeof traceId !== 'string' || !/^(?!0+$)[0-9a-f]{32}$/.test(traceId)) return undefined;
  const { execution } = outcome;
  const isSpanId = typeof parent === 'string' && /^(?!0+$)[0-9a-f]{16}$/.test(parent);
  return {
    traceId,
    spanId: execution?.id.replaceAll('-', '').slice(16) ?? newTraceSpanId(),
    parentSpanId: isSpanId ? parent : undefined,
    name: kernel,
    kind: 'internal',
    durationMs,
    attributes: {
      'logline.kernel': kernel,
      'logline.trigger': typeof trigger === 'string' ? trigger : 'execute',
      ...(execution === null ? {} : { 'logline.execution_id': execution.id }),
      ...(outcome.ok ? {} : { 'error.type': outcome.error.code }),
    },
    isError: !outcome.ok,
  };
}

/** OTLP's JSON form: ids in hex, 64-bit numbers as strings. */
export function otlpOf(span: TraceSpan): object {
  const endMs = performance.timeOrigin + performance.now();
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId === undefined ? {} : { parentSpanId: span.parentSpanId }),
    name: span.name,
    kind: KINDS[span.kind],
    startTimeUnixNano: nanoseconds(endMs - span.durationMs),
    endTimeUnixNano: nanoseconds(endMs),
    attributes: Object.entries(span.attributes).map(([key, value]) => attribute(key, value)),
    status: span.isError ? { code: ERROR } : {},
  };
}

/** An attribute in OTLP's JSON form. */
export function attribute(key: string, value: string | number): object {
  return { key, value: typeof value === 'string' ? { stringValue: value } : { intValue: String(value) } };
}

function nanoseconds(ms: number): string {
  return String(BigInt(Math.round(ms * 1_000)) * 1_000n);
}
