import type { Caller } from '../auth';
import { UnauthorizedError } from '../base/errors';

/**
 * The answer of a route. It becomes a Response only when all headers are known, since changing a Response's headers is
 * slow on the local server.
 */
export interface Answer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** Sent in place of the text. */
  readonly body?: Uint8Array<ArrayBuffer>;
}

/** A JSON answer. */
export function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return jsonText(status, JSON.stringify(body), headers);
}

/** A JSON answer that is already serialised. */
export function jsonText(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, text };
}

/** The answer with further headers. */
export function withHeaders(answer: Answer, more: Readonly<Record<string, string>>): Answer {
  return { ...answer, headers: { ...answer.headers, ...more } };
}

/** The answer as a Response. */
export function responseOf({ status, headers, text, body }: Answer): Response {
  // 204 has no content, not even an empty one.
  return new Response(status === 204 ? null : (body ?? text), { status, headers: { ...headers } });
}

/** The caller of a route whose table entry demands a token. */
export function callerOf(caller: Caller | undefined): Caller {
  if (caller === undefined) throw new UnauthorizedError('This needs a token.');
  return caller;
}
