import { CORS_HEADERS } from './cors-headers';

const PREFLIGHT_MAX_AGE_S = 600;

/** CORS headers for an answer to this origin, if it is configured (Fetch, section 3.2). */
export function corsHeaders(request: Request, origins: readonly string[]): Record<string, string> {
  const origin = request.headers.get('origin');
  if (origin === null || !(origins.includes(origin) || origins.includes('*'))) return {};
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': CORS_HEADERS.exposed.join(', '),
  };
}

/** Further headers for the answer to a preflight; none for other requests. */
export function preflightHeaders(
  request: Request,
  origins: readonly string[],
  methods: readonly string[],
): Record<string, string> {
  const isAllowed = Object.keys(corsHeaders(request, origins)).length > 0;
  if (!isAllowed || !request.headers.has('access-control-request-method')) return {};
  return {
    'access-control-allow-methods': methods.join(', '),
    'access-control-allow-headers': CORS_HEADERS.allowed.join(', '),
    'access-control-max-age': String(PREFLIGHT_MAX_AGE_S),
  };
}
