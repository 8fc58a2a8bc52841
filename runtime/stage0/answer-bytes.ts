/** Largest JSON of an answer. Pages end early and echoes become short rather than passing it. */
export const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** What an answer has beside its spans: names, counts, a cursor of at most 6,000 characters. */
const ENVELOPE_BYTES = 8 * 1024;

/** Room for the spans of an answer. */
export const MAX_SPANS_BYTES = MAX_ANSWER_BYTES - ENVELOPE_BYTES;
