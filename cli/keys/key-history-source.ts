import { OperatorError } from '../../local/operator-error';
import type { SignedSpan } from '../../runtime/base/span';
import { INSTANCE_KEY, type KeyHistory, keyHistoryOf } from '../../runtime/ledger/keys/key-history';
import { type LedgerApi, member, textMember } from '../ledger-api';

const FILTER = {
  entity_type: INSTANCE_KEY,
  tenant_id: 'system',
  owner_id: 'system',
  order: 'asc',
  limit: '200',
};

/**
 * The key-history spans of a running ledger. They are public, so no token is needed.
 * @throws OperatorError when the API refuses or does not answer
 */
export async function keySpansOfUrl(client: LedgerApi): Promise<SignedSpan[]> {
  const spans: SignedSpan[] = [];
  let cursor: string | undefined;
  do {
    const query = new URLSearchParams({ ...FILTER, ...(cursor === undefined ? {} : { cursor }) });
    const page = await client.demand(`/api/timeline?${query}`, { token: null });
    const found = member(page, 'spans');
    if (!Array.isArray(found)) {
      throw new OperatorError(`${client.url} does not answer like LogLine: /api/timeline holds no "spans"`);
    }
    // keyHistoryOf ignores spans that do not verify, so they need no check here.
    spans.push(...(found as SignedSpan[]));
    cursor = textMember(page, 'next_cursor');
  } while (cursor !== undefined);
  return spans;
}

/** @throws OperatorError when the API refuses or does not answer */
export async function keyHistoryOfUrl(client: LedgerApi): Promise<KeyHistory> {
  return keyHistoryOf(await keySpansOfUrl(client));
}
