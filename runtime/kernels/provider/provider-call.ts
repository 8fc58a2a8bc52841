import type { JsonObject } from '../../base/span';
import type { KernelContext, KernelError, OutgoingResponse } from '../kernel-context';
import { type Provider, Refusal, withSecret } from './provider';
import { detailOf, isOutOfCredit, outputOf } from './provider-answer';
import type { ProviderRequest } from './provider-request';

/** The result of a call after its attempts. */
export interface ProviderResult {
  readonly outcome:
    | { readonly ok: true; readonly output: JsonObject }
    | { readonly ok: false; readonly error: KernelError };
  readonly attempts: number;
  /** Of the last answer; undefined when there was none. */
  readonly httpStatus: number | undefined;
}

/** The result of one attempt. */
type Verdict =
  | { readonly ok: true; readonly output: JsonObject }
  | { readonly ok: false; readonly error: KernelError; readonly isWorthRetrying: boolean };

type Unanswered = Extract<OutgoingResponse, { readonly ok: false }>;

/** Time kept for recording the call. */
const RESERVE_MS = 2_000;
const BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 20_000;
/** Spreads callers that were given the same Retry-After. */
const RETRY_AFTER_JITTER = 0.1;
const NOT_IMPLEMENTED = 501;

const ERROR_CODE_OF: Readonly<Record<Unanswered['code'], KernelError['code']>> = {
  host_not_allowed: 'forbidden',
  address_not_allowed: 'forbidden',
  redirect: 'function_failed',
  bad_url: 'malformed',
  too_large: 'function_failed',
  timeout: 'unavailable',
  truncated: 'unavailable',
  unreachable: 'unavailable',
};

/**
 * Calls the service, with retries on 408, 429 and 5xx (except 501 and exhausted credit), timeouts, and connections that
 * fail or break. Waits as `Retry-After` or `retry-after-ms` says, else by exponential backoff with jitter, and never
 * longer than this run has left.
 * @param added headers of this call; those of the provider take precedence
 */
export async function callProvider(
  ctx: KernelContext,
  provider: Provider,
  request: ProviderRequest,
  added: Readonly<Record<string, string>>,
): Promise<ProviderResult> {
  const key = await keyOf(ctx, provider);
  if (key instanceof Refusal)
    return { outcome: { ok: false, error: key.kernelError }, attempts: 0, httpStatus: undefined };
  const { providerHosts } = await ctx.manifest();
  const headers = withSecret({ ...added, ...request.headers }, key);
  const body = request.body === undefined ? {} : { body: JSON.stringify(request.body) };
  const { method, url } = request;
  let attempts = 0;
  for (;;) {
    const timeoutMs = Math.min(provider.timeoutMs, Math.max(1, ctx.remainingMs() - RESERVE_MS));
    const outgoing = {
      method,
      url,
      headers,
      ...body,
      timeoutMs,
      maxResponseBytes: provider.maxResponseBytes,
    };
    const response = await ctx.fetch(outgoing, providerHosts);
    attempts += 1;
    const httpStatus = response.ok ? response.status : undefined;
    const verdict = judge(provider, response, key);
    if (verdict.ok || !verdict.isWorthRetrying) return { outcome: verdict, attempts, httpStatus };
    const waitMs = waitAfter(response, attempts, ctx.now());
    const isLast = attempts >= provider.maxAttempts || waitMs > ctx.remainingMs() - RESERVE_MS;
    if (isLast || !(await slept(ctx, waitMs))) {
      const error = { ...verdict.error, retry_after_s: Math.max(1, Math.ceil(waitMs / 1000)) };
      return { outcome: { ok: false, error }, attempts, httpStatus };
    }
    ctx.log('info', 'provider is called again', {
      provider_id: provider.id,
      attempt: attempts + 1,
      http_status: httpStatus,
    });
  }
}

async function keyOf(
  ctx: KernelContext,
  { tenant, secret }: Provider,
): Promise<string | undefined | Refusal> {
  if (secret === undefined) return undefined;
  try {
    const key = await ctx.secret(`${tenant}/${secret}`);
    return (
      key ?? new Refusal('forbidden', `The secret store has no key called ${secret} for tenant ${tenant}.`)
    );
  } catch {
    // The error is dropped, since its message may contain keys.
    return new Refusal('unavailable', 'The secret store does not answer.', { retry_after_s: 5 });
  }
}

/** Sleeps. @returns false when the run is being stopped */
async function slept(ctx: KernelContext, ms: number): Promise<boolean> {
  try {
    await ctx.sleep(ms);
    return true;
  } catch {
    return false;
  }
}

function judge(provider: Provider, response: OutgoingResponse, key: string | undefined): Verdict {
  if (!response.ok) {
    const code = ERROR_CODE_OF[response.code];
    const error = { code, message: response.message, cause: { reason: response.code } };
    return { ok: false, error, isWorthRetrying: code === 'unavailable' };
  }
  const { status } = response;
  if (status >= 200 && status < 300) {
    try {
      return { ok: true, output: outputOf(provider, response, key) };
    } catch (error) {
      if (error instanceof Refusal) return { ok: false, error: error.kernelError, isWorthRetrying: false };
      throw error;
    }
  }
  const isWorthRetrying =
    status === 408 ||
    (status === 429 && !isOutOfCredit(response)) ||
    (status >= 500 && status !== NOT_IMPLEMENTED);
  const cause = { reason: 'http_status', http_status: status, detail: detailOf(response, key) };
  const message = `The provider ${provider.name} answered with status ${status}.`;
  return {
    ok: false,
    error: { code: isWorthRetrying ? 'unavailable' : 'function_failed', message, cause },
    isWorthRetrying,
  };
}

function waitAfter(response: OutgoingResponse, attempts: number, now: string): number {
  const asked = response.ok ? retryAfterMs(response.headers, now) : undefined;
  if (asked !== undefined) return asked * (1 + Math.random() * RETRY_AFTER_JITTER);
  const backoffMs = Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** (attempts - 1));
  return backoffMs / 2 + (Math.random() * backoffMs) / 2;
}

/** RFC 9110 section 10.2.3: seconds or a date. OpenAI and Anthropic also send `retry-after-ms`. */
function retryAfterMs(headers: Readonly<Record<string, string>>, now: string): number | undefined {
  const ms = Number(headers['retry-after-ms'] ?? Number.NaN);
  if (Number.isFinite(ms) && ms >= 0) return ms;
  const text = headers['retry-after']?.trim() ?? '';
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  // Date.parse accepts far more than RFC 9110's dates.
  const at = /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.parse(now));
}
