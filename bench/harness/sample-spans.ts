import { randomBytes } from 'node:crypto';

/**
 * A sample span: an agent's tool call with a hashed payload of 586 bytes, nested members, `status` and `trace_id`. Spans
 * of a batch differ.
 */
export function sampleSpan(number: number): object {
  return {
    entity_type: 'tool_call',
    who: `agent:planner-${number % 7}`,
    did: 'called',
    this: 'search.documents',
    status: 'complete',
    visibility: number % 4 === 0 ? 'private' : 'tenant',
    name: `call ${number % 1000}`,
    input: { query: 'invoices due before 2026-03-01', limit: 20, filters: { region: 'eu', paid: false } },
    metadata: { model: 'planner-large', tokens: { prompt: 812, completion: 164 }, attempt: 1, number },
    duration_ms: 130 + (number % 90),
    trace_id: randomBytes(16).toString('hex'),
  };
}

/** Body of a request with its media type. */
export interface RequestBody {
  readonly text: string;
  readonly mediaType: 'application/json' | 'application/x-ndjson';
}

/** Form of a request's spans. */
export type BodyKind = 'single' | 'array' | 'ndjson';

/** Body of a request with sample spans. */
export function requestBody(kind: BodyKind, spans: number, from: number): RequestBody {
  const texts = Array.from({ length: spans }, (_, index) => JSON.stringify(sampleSpan(from + index)));
  if (kind === 'ndjson') return { text: texts.join('\n'), mediaType: 'application/x-ndjson' };
  return {
    text: kind === 'single' ? (texts[0] ?? '') : `[${texts.join(',')}]`,
    mediaType: 'application/json',
  };
}
