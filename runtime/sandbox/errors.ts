/** The pool has no room for another run now. Maps to 503 with `Retry-After`. */
export class SandboxBusyError extends Error {
  override readonly name = 'SandboxBusyError';
  readonly code = 'busy';
  readonly status = 503;
  readonly retryAfterSeconds = 1;
}
