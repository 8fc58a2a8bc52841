import assert from 'node:assert/strict';
import type { SignedSpan } from '../../runtime/base/span';

/** One page of the feed. */
export interface FeedPage {
  readonly status: number;
  readonly spans: readonly SignedSpan[];
  readonly cursor: string;
}

/** Appends one span over HTTP. */
export function post(url: string, token: string, span: object): Promise<Response> {
  return fetch(`${url}/api/spans`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(span),
  });
}

/** Appends one span and returns it as stored. */
export async function append(url: string, token: string, members: object = {}): Promise<SignedSpan> {
  const response = await post(url, token, { entity_type: 'note', who: 'test', this: 'a thing', ...members });
  const answer = (await response.json()) as { span: SignedSpan };
  assert.equal(response.status, 201, JSON.stringify(answer));
  return answer.span;
}

/** Reads a page of the feed, after a cursor if one is given. */
export async function readFeed(url: string, token: string, cursor?: string): Promise<FeedPage> {
  const query = new URLSearchParams({
    order: 'feed',
    limit: '1000',
    ...(cursor === undefined ? {} : { cursor }),
  });
  const response = await fetch(`${url}/api/timeline?${query}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const page = (await response.json()) as { spans?: SignedSpan[]; next_cursor?: string };
  return { status: response.status, spans: page.spans ?? [], cursor: page.next_cursor ?? '' };
}
