import assert from 'node:assert/strict';
import type { Post, ReadPage } from './posting';

/** How the hammer calls an API, whose answers may be cut, truncated or late: then the outcome is unknown. */
export interface ApiCalls {
  readonly post: Post;
  readonly read: ReadPage;
  /** Undefined when the outcome is unknown. */
  call(url: string, init?: RequestInit): Promise<{ status: number; body: never } | undefined>;
}

const ANSWER_MS = 10_000;

/** Calls of a token's holder. The URLs differ where posts go through a proxy. */
export function apiCalls({
  postTo,
  readFrom,
  token,
}: Record<'postTo' | 'readFrom' | 'token', string>): ApiCalls {
  const call: ApiCalls['call'] = async (url, init = {}) => {
    try {
      const answer = await fetch(url, {
        ...init,
        headers: { 'content-type': 'application/json', ...init.headers, authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      const body = (await answer.json()) as never;
      return answer.status >= 500 ? undefined : { status: answer.status, body };
    } catch {
      return undefined;
    }
  };
  return {
    call,
    async post({ spans, idempotencyKey }) {
      const headers: Record<string, string> =
        idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
      const answer = await call(`${postTo}/api/spans`, {
        method: 'POST',
        headers,
        body: JSON.stringify(spans),
      });
      return answer?.status;
    },
    async read(query) {
      const answer = await call(`${readFrom}/api/timeline?${query}`);
      if (answer !== undefined) assert.equal(answer.status, 200, JSON.stringify(answer.body));
      return answer?.body;
    },
  };
}
