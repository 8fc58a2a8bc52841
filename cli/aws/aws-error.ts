import type { StackSettings } from '../../infra/settings';
import { OperatorError, oneLine, systemErrorCode } from '../../local/operator-error';

/** Names of the SDK's errors for missing credentials, and for a profile or session that cannot be used. */
const NO_CREDENTIALS = new Set(['CredentialsProviderError', 'TokenProviderError']);
const EXPIRED = new Set(['ExpiredToken', 'ExpiredTokenException', 'RequestExpired']);
const INVALID = new Set([
  'InvalidClientTokenId',
  'UnrecognizedClientException',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
]);
const DENIED = new Set(['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation']);
const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ETIMEDOUT',
  'EPIPE',
]);

const HELP =
  'run aws configure or aws sso login, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY';

/**
 * Explains an AWS error in one line, with advice. The text never contains credentials.
 * @param what the action that failed, such as `read the log of logline-dev-stage0`
 */
export function explainAwsError(error: unknown, what: string): OperatorError {
  return new OperatorError(reasonOf(error, what), { cause: error });
}

/**
 * The error to throw when a function of a stack cannot be used.
 * @param verb what was to be done with it, such as `call`
 */
export function functionFault(
  error: unknown,
  { stack, region }: Pick<StackSettings, 'stack' | 'region'>,
  name: string,
  verb: string,
): OperatorError {
  if (error instanceof OperatorError) return error;
  if (error instanceof Error && error.name === 'ResourceNotFoundException') {
    return new OperatorError(
      `stack "${stack}" is not deployed in ${region} (there is no function ${name}); run npx logline deploy --stack ${stack}`,
      { cause: error },
    );
  }
  return explainAwsError(error, `${verb} ${name}`);
}

function reasonOf(error: unknown, what: string): string {
  const name = error instanceof Error ? error.name : '';
  if (NO_CREDENTIALS.has(name)) return `no AWS credentials found; ${HELP}`;
  if (EXPIRED.has(name))
    return 'the AWS credentials have expired; sign in again (aws sso login, or new keys)';
  if (INVALID.has(name)) return `AWS does not accept the credentials; ${HELP}`;
  if (DENIED.has(name)) return `these AWS credentials may not ${what}: ${oneLine(error)}`;
  if (name === 'TimeoutError') return `AWS does not answer (no answer in time); cannot ${what}`;
  const code = systemErrorCode(firstOf(error));
  if (code !== undefined && UNREACHABLE.has(code)) {
    return `AWS does not answer (${code}); cannot ${what}; is there a network, and is the region right?`;
  }
  if (/region is missing/i.test(oneLine(error))) {
    return 'no AWS region; set AWS_REGION, or aws:region in the file of the stack';
  }
  return `cannot ${what}: ${name === '' || name === 'Error' ? '' : `${name}: `}${oneLine(error)}`;
}

/** Connecting to a host with several addresses fails with an AggregateError; takes its first error. */
function firstOf(error: unknown): unknown {
  return error instanceof AggregateError ? (error.errors[0] ?? error) : error;
}
