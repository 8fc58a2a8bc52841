import { setTimeout as delay } from 'node:timers/promises';
import { OperatorError } from '../../local/operator-error';
import type { SignedSpan } from '../../runtime/base/span';
import { explainProblem, type LedgerApi, member, textMember } from '../ledger-api';

/** One page of the feed. */
export interface FeedPage {
  readonly spans: readonly SignedSpan[];
  /** Cursor of the next page; always present. */
  readonly cursor: string;
  readonly hasMore: boolean;
}

/** Spans a page; a page of the largest spans fits into memory. */
const PAGE_SIZE = 200;
const MAX_ATTEMPTS = 6;
const MAX_WAIT_MS = 10_000;

/**
 * Reads one page of the feed, with retries for up to 30 s while the ledger is busy or starting.
 * @param filter query parameters besides order, limit and cursor
 * @throws OperatorError when the API refuses or does not answer
 */
export async function readFeedPage(
  client: LedgerApi,
  filter: Readonly<Record<string, string>>,
  cursor: string | null,
): Promise<FeedPage> {
  const query = new URLSearchParams({
    order: 'feed',
    limit: String(PAGE_SIZE),
    ...filter,
    ...(cursor === null ? {} : { cursor }),
  });
  for (let attempt = 1; ; attempt += 1) {
    const answer = await client.request(`/api/timeline?${query}`);
    if (answer.status === 200) return pageOf(client, answer.body);
    if (![429, 503].includes(answer.status) || attempt === MAX_ATTEMPTS) {
      throw new OperatorError(`${client.url}/api/timeline answered ${explainProblem(answer)}`);
    }
    const waitS = Number(answer.headers.get('retry-after') ?? 1);
    await delay(Math.min(MAX_WAIT_MS, Number.isFinite(waitS) ? waitS * 1000 : 1000));
  }
}

function pageOf(client: LedgerApi, body: unknown): FeedPage {
  const spans = member(body, 'spans');
  const cursor = textMember(body, 'next_cursor');
  if (!Array.isArray(spans) || cursor === undefined) {
    throw new OperatorError(`${client.url} does not answer like LogLine: /api/timeline is no page of a feed`);
  }
  return { spans: spans as SignedSpan[], cursor, hasMore: member(body, 'has_more') === true };
}
