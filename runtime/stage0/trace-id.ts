/**
 * The trace that the caller is part of: the trace-id of `traceparent` (W3C Trace Context section 3.2); undefined
 * without one, or when it says nothing.
 */
export function traceIdOf(request: Request): string | undefined {
  const header = request.headers.get('traceparent') ?? '';
  const [, version, traceId] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:$|-)/.exec(header.trim()) ?? [];
  return traceId === undefined || version === 'ff' || /^0+$/.test(traceId) ? undefined : traceId;
}
