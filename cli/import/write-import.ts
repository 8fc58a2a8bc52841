import { setTimeout as delay } from 'node:timers/promises';
import { OperatorError } from '../../local/operator-error';
import type { SignedSpan } from '../../runtime/base/span';
import { isInstanceKeySpan } from '../../runtime/ledger/keys/key-history';
import { explainProblem, type LedgerApi, member } from '../ledger-api';
import type { ProgressLine } from '../progress-line';
import type { Target } from '../target';
import type { SpanSource } from './log-order';
import { operatorClient } from './operator-client';
import { type SpanBatch, spanBatchesOf } from './span-batches';

/** Result of an import. */
export interface ImportReport {
  readonly spans: number;
  /** Spans that were new to the ledger. */
  readonly added: number;
  readonly present: number;
  /** Spans of another instance's key history, which are not imported. */
  readonly keySpans: number;
}

const MAX_ATTEMPTS = 8;
const MAX_WAIT_MS = 10_000;

/**
 * Sends checked spans in order, then sends all of them a second time, so that the ledger compares every hash and reports
 * missing ones. Idempotent: after an interruption, run it again.
 * @throws OperatorError when the API refuses, does not answer, or lacks a span in the end
 */
export async function writeImport(
  source: SpanSource,
  target: Target,
  hasToken: boolean,
  progress: ProgressLine,
): Promise<ImportReport> {
  const clientNow = operatorClient(target, hasToken);
  const written = await sendAll(source, clientNow, (spans) => progress.show(`${spans} spans imported`));
  const checked = await sendAll(source, clientNow, (spans) => progress.show(`${spans} spans compared`));
  progress.clear();
  if (checked.added === 0 && checked.spans === written.spans) return written;
  throw new OperatorError(
    `${checked.added} spans were not in the ledger after the import; was it restored meanwhile? Import again`,
  );
}

async function sendAll(
  source: SpanSource,
  clientNow: () => Promise<LedgerApi>,
  onProgress: (spans: number) => void,
): Promise<ImportReport> {
  let spans = 0;
  let added = 0;
  let keySpans = 0;
  const isWanted = (span: SignedSpan): boolean => {
    const isKey = isInstanceKeySpan(span);
    if (isKey) keySpans += 1;
    return !isKey;
  };
  for await (const batch of oneAhead(spanBatchesOf(source(), isWanted))) {
    added += await send(await clientNow(), batch);
    spans += batch.count;
    onProgress(spans);
  }
  return { spans, added, present: spans - added, keySpans };
}

/** Prefetches the next item of a source while the current one is processed. */
async function* oneAhead<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  for (let next = source.next(); ; ) {
    const { done, value } = await next;
    if (done) return;
    next = source.next();
    // The rejection is handled when the item is awaited.
    next.catch(() => undefined);
    yield value;
  }
}

/** Sends one batch, with retries for up to 30 s while the ledger is busy; returns the number of new spans. */
async function send(client: LedgerApi, { ndjson, count }: SpanBatch): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await client.request('/api/import', { method: 'POST', ndjson });
    const added = member(answer.body, 'added');
    if (answer.status < 300 && typeof added === 'number' && member(answer.body, 'count') === count)
      return added;
    if (![429, 503].includes(answer.status) || attempt === MAX_ATTEMPTS) {
      throw new OperatorError(`${client.url}/api/import answered ${explainProblem(answer)}`);
    }
    const waitS = Number(answer.headers.get('retry-after') ?? 1);
    await delay(Math.min(MAX_WAIT_MS, Number.isFinite(waitS) ? waitS * 1000 : 1000));
  }
}
