/**
 * Headers that pages of allowed origins may send and read, beside those that the Fetch standard always allows. Stage-0
 * answers CORS with them on a laptop, API Gateway on AWS.
 */
export const CORS_HEADERS = {
  /** Lower case, as preflight requests name them. */
  allowed: [
    'authorization',
    'content-encoding',
    'content-type',
    'idempotency-key',
    'prefer',
    'traceparent',
    'x-logline-at-least',
    'x-request-id',
  ],
  exposed: [
    'location',
    'preference-applied',
    'ratelimit',
    'ratelimit-policy',
    'retry-after',
    'www-authenticate',
    'x-logline-position',
    'x-request-id',
  ],
} as const;
