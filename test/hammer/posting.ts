import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../support/until';

/** One request and its outcome. The ids are the client's, so a request can be retried. */
export interface Sent {
  readonly spans: readonly { readonly id: string; readonly seq: number; readonly this: string }[];
  readonly idempotencyKey: string | undefined;
  /** undefined while unknown. */
  status: number | undefined;
}

/** Sends a request; undefined when its outcome is unknown. */
export type Post = (sent: Sent) => Promise<number | undefined>;

/** Reads a page of the feed; undefined on failure. */
export type ReadPage = (query: URLSearchParams) => Promise<FeedAnswer | undefined>;

export interface FeedAnswer {
  readonly spans: readonly { readonly id: string; readonly seq: number; readonly this: string }[];
  readonly next_cursor: string | null;
  readonly has_more: boolean;
}

/** A stored span, in feed order. */
export interface StoredSpan {
  /** `id/seq`. */
  readonly key: string;
  readonly this: string;
}

/** Milliseconds between retries without an answer. */
const PAUSE_MS = 100;

const spanOf = (id: string, seq: number) => ({
  id,
  seq,
  entity_type: 'note',
  who: 'alice',
  this: `${id}/${seq}`,
});

/** Posts singles, batches, next versions, requests with keys and invalid ones, in rotation, and repeats every seventh. */
export async function postWhile(goesOn: () => boolean, post: Post, log: Sent[]): Promise<void> {
  let newest: { id: string; seq: number } | undefined;
  for (let turn = 0; goesOn(); turn += 1) {
    const id = randomUUID();
    const kinds = [
      [spanOf(id, 0)],
      Array.from({ length: 50 }, () => spanOf(randomUUID(), 0)),
      newest === undefined ? [spanOf(id, 0)] : [spanOf(newest.id, newest.seq + 1)],
      [spanOf(randomUUID(), 0), spanOf(randomUUID(), 7)],
    ];
    const spans = kinds[turn % kinds.length] ?? [];
    const sent: Sent = {
      spans,
      idempotencyKey: turn % 5 === 4 ? randomUUID() : undefined,
      status: undefined,
    };
    log.push(sent);
    sent.status = await post(sent);
    if (turn % 7 === 6) await repeat(sent, post);
    if (sent.status === undefined) await sleep(PAUSE_MS);
    const [first] = spans;
    if (sent.status === 201 && spans.length === 1 && first !== undefined) newest = first;
  }
}

/** Sends a request again, whatever became of it: a repeat changes nothing, and never contradicts. */
async function repeat(sent: Sent, post: Post): Promise<void> {
  const { status } = sent;
  const again = await post(sent);
  if (again === undefined) return;
  // With its Idempotency-Key a request gets the answer that it got before.
  const isTaken = (one: number | undefined) => one === 200 || one === 201;
  if (status !== undefined) assert.equal(isTaken(again), isTaken(status), `${status}, repeated ${again}`);
  sent.status ??= again;
}

/** Retries requests with unknown outcome until it is known. */
export async function settle(log: readonly Sent[], post: Post): Promise<void> {
  for (const sent of log) {
    if (sent.status === undefined)
      sent.status = await until('a repeat is answered', () => post(sent), 60_000);
  }
}

/** Follows the feed through all disturbances, and to its end afterwards. */
export async function followFeed(read: ReadPage, isOver: () => boolean): Promise<StoredSpan[]> {
  const seen: StoredSpan[] = [];
  let cursor: string | null = null;
  for (let last = false; ; ) {
    const query = new URLSearchParams({ order: 'feed', limit: '200', entity_type: 'note' });
    if (cursor !== null) query.set('cursor', cursor);
    const page = await read(query);
    if (page === undefined) {
      await sleep(PAUSE_MS);
      continue;
    }
    seen.push(...page.spans.map(({ id, seq, this: text }) => ({ key: `${id}/${seq}`, this: text })));
    cursor = page.next_cursor ?? cursor;
    if (page.has_more) continue;
    if (last) return seen;
    last = isOver();
  }
}

/** Asserts that exactly the acknowledged spans are stored, once each, and that the reader saw all in order. */
export function assertKept(
  log: readonly Sent[],
  stored: readonly StoredSpan[],
  seen: readonly StoredSpan[],
): void {
  const taken = log.filter(({ status }) => status === 201 || status === 200).flatMap(({ spans }) => spans);
  const refused = log.filter(({ status }) => status !== 201 && status !== 200);
  assert.ok(taken.length > 100 && refused.length > 0, `${taken.length} taken, ${refused.length} refused`);
  for (const { status, spans } of refused)
    assert.equal(status, 409, `status ${status} of ${JSON.stringify(spans).slice(0, 200)}`);
  assert.ok(stored.every(({ key, this: text }) => key === text));
  const keys = stored.map(({ key }) => key);
  assert.deepEqual([...keys].sort(), [...new Set(taken.map(({ id, seq }) => `${id}/${seq}`))].sort());
  assert.deepEqual(
    seen.map(({ key }) => key),
    keys,
    'the reader saw every span once, in the order of the feed',
  );
}
