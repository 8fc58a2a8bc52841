import { LogLineError } from '../client/src/error';
import { ledgerUrl } from '../client/src/ledger-url';
import { Transport } from '../client/src/transport';
import { OperatorError, oneLine, systemErrorCode } from '../local/operator-error';
import { parseIJson } from '../runtime/json/i-json';

/** Answer of the API; `body` is undefined unless it is JSON. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** Options of a request. */
export interface ApiRequest {
  readonly method?: 'GET' | 'POST';
  /** Body, sent as JSON. */
  readonly json?: unknown;
  /** Body, already serialised as JSON. */
  readonly jsonText?: string;
  /** Body, sent as NDJSON. */
  readonly ndjson?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Overrides the client's token; null sends none. */
  readonly token?: string | null;
}

const TIMEOUT_MS = 60_000;

/**
 * HTTP client of one LogLine, on `logline-client`'s transport, with the strict JSON parsing that `verify` needs. It retries
 * only requests that the ledger reports as not begun, so an unreachable address fails at once.
 */
export class LedgerApi {
  readonly url: string;
  readonly #transport: Transport;

  /** @throws OperatorError (exit code 2) when `url` is invalid */
  constructor(url: string, token: string | undefined) {
    if (!URL.canParse(url)) {
      throw new OperatorError(`--url must be a URL such as http://127.0.0.1:8787, got "${url}"`, {
        exitCode: 2,
      });
    }
    if (!/^https?:$/.test(new URL(url).protocol)) {
      throw new OperatorError(`--url must begin with http:// or https://, got "${url}"`, { exitCode: 2 });
    }
    if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
      throw new OperatorError('--token must be a token as npx logline token prints it', { exitCode: 2 });
    }
    const retry = { deadlineMs: TIMEOUT_MS, tryMs: TIMEOUT_MS };
    this.#transport = new Transport({ url: ledgerUrl(url), retry, ...(token ? { token } : {}) });
    this.url = this.#transport.url;
  }

  /** @throws OperatorError when nothing answers at the URL */
  async request(path: string, options: ApiRequest = {}): Promise<ApiAnswer> {
    const { bytes, ...answer } = await this.requestBytes(path, options);
    return { ...answer, body: parseOrUndefined(bytes) };
  }

  /**
   * Like {@link request}, for a binary or text body.
   * @throws OperatorError when nothing answers at the URL
   */
  async requestBytes(
    path: string,
    { method = 'GET', json, jsonText, ndjson, headers, token }: ApiRequest = {},
  ): Promise<Omit<ApiAnswer, 'body'> & { readonly bytes: Uint8Array }> {
    const body = ndjson ?? jsonText ?? (json === undefined ? undefined : JSON.stringify(json));
    const mediaType = ndjson === undefined ? 'application/json' : 'application/x-ndjson';
    try {
      const answer = await this.#transport.exchange({
        method,
        path,
        headers: {
          ...(body === undefined ? {} : { 'content-type': mediaType }),
          ...headers,
        },
        ...(body === undefined ? {} : { body }),
        ...(token === undefined ? {} : { token }),
        retry: 'unstarted',
      });
      return { status: answer.status, headers: answer.headers, bytes: answer.bytes };
    } catch (error) {
      if (!(error instanceof LogLineError)) throw error;
      const { cause } = error;
      if (error.status !== 0) throw new OperatorError(error.message, { cause: error });
      throw new OperatorError(`cannot reach ${this.url} (${reason(cause)}); is LogLine running there?`, {
        cause,
      });
    }
  }

  /**
   * Fetches a text, such as a signed note.
   * @throws OperatorError with the API's explanation when the status is not 200
   */
  async demandText(path: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
    const { bytes, ...answer } = await this.requestBytes(path, {
      headers: { accept: 'text/plain', ...headers },
    });
    if (answer.status === 200) return new TextDecoder().decode(bytes);
    const body = parseOrUndefined(bytes);
    throw new OperatorError(
      `${this.url}${path.split('?')[0]} answered ${explainProblem({ ...answer, body })}`,
    );
  }

  /**
   * Like {@link request}, for a JSON body that must be present.
   * @throws OperatorError with the API's explanation when the status is not 2xx
   */
  async demand(path: string, options: ApiRequest = {}): Promise<unknown> {
    const answer = await this.request(path, options);
    if (answer.status < 200 || answer.status > 299) {
      throw new OperatorError(`${this.url}${path.split('?')[0]} answered ${explainProblem(answer)}`);
    }
    return answer.body;
  }
}

/** Status and, from problem details (RFC 9457), title and detail, on one line. */
export function explainProblem({ status, body }: ApiAnswer): string {
  const detail = textMember(body, 'detail') ?? textMember(body, 'title');
  return detail === undefined ? String(status) : `${status}: ${detail}`;
}

/** A member of an untrusted value; undefined when it is missing. */
export function member(holder: unknown, name: string): unknown {
  if (typeof holder !== 'object' || holder === null) return undefined;
  return Object.getOwnPropertyDescriptor(holder, name)?.value;
}

/** A string member of an untrusted value; undefined for anything else. */
export function textMember(holder: unknown, name: string): string | undefined {
  const value = member(holder, name);
  return typeof value === 'string' ? value : undefined;
}

function parseOrUndefined(bytes: Uint8Array): unknown {
  try {
    return parseIJson(bytes);
  } catch {
    return undefined;
  }
}

/** `fetch` hides the reason in the cause of its TypeError. */
function reason(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError')
    return `no answer within ${TIMEOUT_MS / 1000} s`;
  const cause = error instanceof Error ? error.cause : undefined;
  return systemErrorCode(cause) ?? oneLine(cause ?? error);
}
