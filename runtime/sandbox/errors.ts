import { LogLineError } from '../base/errors';

/** 503: the sandbox has no room for another run now. Carries `retryAfterSeconds`. */
export class SandboxBusyError extends LogLineError {
  readonly code = 'busy';
  readonly status = 503;
  readonly title = 'The sandbox is busy';
}
