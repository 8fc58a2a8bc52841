/**
 * The trace that the caller is part of: the trace-id of the header `traceparent`; undefined without one, or when it is
 * malformed.
 */
export function traceIdOf(request: Request): string | undefined {
  return traceIdIn(request.headers.get('traceparent') ?? '');
}

/**
 * The trace-id in the text of a `traceparent` (W3C Trace Context section 3.2.2); undefined when the text is malformed.
 * Version 00 has four fields; later versions may have more, of which nothing is known.
 */
export function traceIdIn(traceparent: string): string | undefined {
  const [, version, traceId = '', parentId = '', more] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/.exec(traceparent.trim()) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  return /^0+$/.test(traceId) || /^0+$/.test(parentId) ? undefined : traceId;
}
