import { setTimeout as delay } from 'node:timers/promises';
import { OperatorError } from '../../local/operator-error';
import type { SignedSpan } from '../../runtime/base/span';
import { isInstanceKeySpan } from '../../runtime/ledger/keys/key-history';
import { type ApiAnswer, type ApiRequest, explainProblem, type LedgerApi, member } from '../ledger-api';
import type { ProgressLine } from '../progress-line';
import type { Target } from '../target';
import type { ImportLine } from './log-order';
import { operatorClient } from './operator-client';
import { type Place, ScratchFile } from './scratch-file';
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

/** Thrown when the ledger refuses a request because of a hash or signature. */
export class SignatureRefusedError extends OperatorError {
  /** Spans of the requests before, which the ledger holds. */
  readonly spansBefore: number;

  constructor(message: string, spansBefore: number) {
    super(message);
    this.spansBefore = spansBefore;
  }
}

const MAX_ATTEMPTS = 8;
const MAX_WAIT_MS = 10_000;
const BAD_SIGNATURE = 422;

/**
 * Sends spans in order, then compares their hashes with the ledger's and reports missing ones. Idempotent: after an
 * interruption, run it again. Needs 200 bytes a span in the temporary folder.
 * @throws SignatureRefusedError; OperatorError when the API refuses otherwise, does not answer, or lacks a span in the end
 */
export async function writeImport(
  spans: AsyncIterable<ImportLine> | Iterable<ImportLine>,
  target: Target,
  hasToken: boolean,
  progress: ProgressLine,
): Promise<ImportReport> {
  const clientNow = operatorClient(target, hasToken);
  const sent = new SentVersions(await ScratchFile.create());
  try {
    const written = await sendAll(spans, clientNow, sent, progress);
    await compareAll(sent, clientNow, progress);
    return written;
  } finally {
    progress.clear();
    await sent.close();
  }
}

/** Bodies of the requests that compare the sent spans. */
class SentVersions {
  readonly #file: ScratchFile;
  readonly #requests: { readonly place: Place; readonly count: number }[] = [];

  constructor(file: ScratchFile) {
    this.#file = file;
  }

  async add({ comparison, count }: SpanBatch): Promise<void> {
    this.#requests.push({ place: this.#file.append(Buffer.from(comparison)), count });
    if (this.#file.isFull) await this.#file.flush();
  }

  async *requests(): AsyncGenerator<{ readonly jsonText: string; readonly count: number }> {
    await this.#file.flush();
    for (const { place, count } of this.#requests)
      yield { jsonText: this.#file.read(place).toString(), count };
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

async function sendAll(
  source: AsyncIterable<ImportLine> | Iterable<ImportLine>,
  clientNow: () => Promise<LedgerApi>,
  sent: SentVersions,
  progress: ProgressLine,
): Promise<ImportReport> {
  let spans = 0;
  let added = 0;
  let keySpans = 0;
  const isWanted = (span: SignedSpan): boolean => {
    const isKey = isInstanceKeySpan(span);
    if (isKey) keySpans += 1;
    return !isKey;
  };
  for await (const batch of oneAhead(spanBatchesOf(source, isWanted))) {
    const { ndjson, count } = batch;
    const answer = await patiently(await clientNow(), '/api/import', { ndjson });
    const isNew = member(answer.body, 'added');
    if (answer.status >= 300 || typeof isNew !== 'number' || member(answer.body, 'count') !== count) {
      const told = `/api/import answered ${explainProblem(answer)}`;
      if (answer.status === BAD_SIGNATURE) throw new SignatureRefusedError(told, spans);
      throw new OperatorError(`${(await clientNow()).url}${told}`);
    }
    await sent.add(batch);
    added += isNew;
    spans += count;
    progress.show(`${spans} spans imported`);
  }
  return { spans, added, present: spans - added, keySpans };
}

async function compareAll(
  sent: SentVersions,
  clientNow: () => Promise<LedgerApi>,
  progress: ProgressLine,
): Promise<void> {
  let compared = 0;
  let missing = 0;
  for await (const { jsonText, count } of oneAhead(sent.requests())) {
    const client = await clientNow();
    const answer = await patiently(client, '/api/import/compare', { jsonText });
    const held = member(answer.body, 'held');
    if (answer.status !== 200 || typeof held !== 'number' || member(answer.body, 'count') !== count)
      throw new OperatorError(`${client.url}/api/import/compare answered ${explainProblem(answer)}`);
    missing += count - held;
    compared += count;
    progress.show(`${compared} spans compared`);
  }
  if (missing === 0) return;
  throw new OperatorError(
    `${missing} spans are not in the ledger after the import; was it restored meanwhile? Import again`,
  );
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

/** Sends a request, with retries for up to 30 s while the ledger is busy. */
async function patiently(client: LedgerApi, path: string, body: ApiRequest): Promise<ApiAnswer> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await client.request(path, { method: 'POST', ...body });
    if (![429, 503].includes(answer.status) || attempt === MAX_ATTEMPTS) return answer;
    const waitS = Number(answer.headers.get('retry-after') ?? 1);
    await delay(Math.min(MAX_WAIT_MS, Number.isFinite(waitS) ? waitS * 1000 : 1000));
  }
}
