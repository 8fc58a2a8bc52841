import type { SpanDraft } from '../../client/src';

/** The entity type of all spans of the hammer. */
export const HAMMER_TYPE = 'hammer_reading';

/** The span with a number. Always the same, so that adding it twice stores it once. */
export function numberedSpan(number: number): SpanDraft & { readonly id: string } {
  return {
    id: `00000000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`,
    at: new Date(Date.UTC(2026, 0, 1) + number).toISOString(),
    entity_type: HAMMER_TYPE,
    who: 'hammer',
    this: String(number),
    metadata: { reading: number / 7, text: 'x'.repeat(200) },
  };
}
