import { errorOfAnswer, LogLineError, member, type Refusal } from './error';
import type { StoredSpan } from './span';
import { jsonOf, type LedgerRequest, type Transport } from './transport';

/** A draft in its serialised form. */
export interface WireDraft {
  readonly text: string;
  /** UTF-8 bytes of `text`. */
  readonly bytes: number;
}

/** Most spans of one request. */
export const MAX_SPANS = 1_000;
/** Most bytes of one request, a little below the ledger's limit of 4 MiB. */
export const MAX_BYTES = 4 * 2 ** 20 - 4_096;
/** Largest uncompressed request, which Lambda's limit behind API Gateway allows; larger ones are sent gzipped. */
const DENSE_BYTES = 2.8 * 2 ** 20;

/** Statuses of refusals that a retry cannot resolve. */
const FINAL = new Set([400, 403, 409, 413, 422]);

/** Whether the token lacks a scope, which is not a fault of the spans. */
function isAboutSpans({ status, problem }: LogLineError): boolean {
  return FINAL.has(status) && problem.scope === undefined;
}

const encoder = new TextEncoder();

/** How a draft is written out. */
export function wireDraft(draft: object): WireDraft {
  const text = JSON.stringify(draft);
  return { text, bytes: encoder.encode(text).length };
}

/** How many of the first drafts fit into one request; at least 1. */
export function batchLength(drafts: readonly WireDraft[], maxSpans: number, maxBytes: number): number {
  let bytes = 0;
  let length = 0;
  for (const draft of drafts) {
    bytes += draft.bytes + 1;
    if (length > 0 && (length >= maxSpans || bytes > maxBytes)) break;
    length += 1;
  }
  return length;
}

/** The result of each span of a batch. */
export interface BatchOutcome {
  /** In the order of the batch; undefined where one was refused. */
  readonly stored: readonly (StoredSpan | undefined)[];
  /** By index within the batch. */
  readonly refused: ReadonlyMap<number, LogLineError>;
}

/** Sends batches, and removes spans that the ledger refuses. */
export class Appender {
  readonly #transport: Transport;
  readonly #preference: string | undefined;
  #gzipIsTaken = typeof CompressionStream === 'function';

  /** @param preference what to ask of the answer, such as `return=minimal`: ids and hashes in place of the spans */
  constructor(transport: Transport, preference?: string) {
    this.#transport = transport;
    this.#preference = preference;
  }

  /** One span. @throws LogLineError when it is refused. */
  async one(draft: WireDraft, signal?: AbortSignal): Promise<StoredSpan> {
    const body = await this.#demand(() => this.#request(draft.text, 'application/json', draft.bytes, signal));
    return member(body, 'span') as StoredSpan;
  }

  /**
   * Sends one batch. Faulty spans are taken out and the rest is sent again; a refusal that names no span is bisected.
   * @throws LogLineError when no span is at fault (no answer, no right to write, too much load)
   */
  async batch(drafts: readonly WireDraft[], signal?: AbortSignal): Promise<BatchOutcome> {
    const stored: (StoredSpan | undefined)[] = new Array(drafts.length).fill(undefined);
    const refused = new Map<number, LogLineError>();
    const open: number[][] = [Array.from(drafts.keys())];
    for (let indices = open.shift(); indices !== undefined; indices = open.shift()) {
      if (indices.length === 0) continue;
      try {
        const answer = await this.#send(
          indices.flatMap((index) => drafts[index] ?? []),
          signal,
        );
        for (const [place, index] of indices.entries()) stored[index] = answer[place];
      } catch (error) {
        if (!(error instanceof LogLineError) || !isAboutSpans(error)) throw error;
        open.unshift(...settle(indices, error, refused));
      }
    }
    return { stored, refused };
  }

  async #send(drafts: readonly WireDraft[], signal?: AbortSignal): Promise<readonly StoredSpan[]> {
    const bytes = drafts.reduce((sum, draft) => sum + draft.bytes + 1, 1);
    const body = await this.#demand(() =>
      bytes > DENSE_BYTES && !this.#gzipIsTaken
        ? this.#request(drafts.map(({ text }) => text).join('\n'), 'application/x-ndjson', 0, signal)
        : this.#request(`[${drafts.map(({ text }) => text).join(',')}]`, 'application/json', bytes, signal),
    );
    const spans = member(body, 'spans');
    if (Array.isArray(spans) && spans.length === drafts.length) return spans;
    throw new LogLineError('the ledger answered with something else than the spans', {
      status: 0,
      type: 'answer',
    });
  }

  /** Turns compression off for a server of an older edition, which refuses gzip. */
  async #demand(request: () => Promise<LedgerRequest>): Promise<unknown> {
    for (;;) {
      const sent = await request();
      const answer = await this.#transport.exchange(sent);
      if (answer.status === 415 && sent.headers?.['content-encoding'] !== undefined) {
        this.#gzipIsTaken = false;
        continue;
      }
      if (answer.status >= 200 && answer.status <= 299) return jsonOf(answer);
      throw errorOfAnswer(answer.status, answer.headers, jsonOf(answer));
    }
  }

  async #request(text: string, type: string, bytes: number, signal?: AbortSignal): Promise<LedgerRequest> {
    const isDense = bytes > DENSE_BYTES && this.#gzipIsTaken;
    return {
      method: 'POST',
      path: '/api/spans',
      headers: {
        'content-type': type,
        ...(isDense ? { 'content-encoding': 'gzip' } : {}),
        ...(this.#preference ? { prefer: this.#preference } : {}),
      },
      body: isDense ? await gzip(text) : text,
      signal,
    };
  }
}

/** Records the faulty spans, and returns the indices to send next. */
function settle(indices: number[], error: LogLineError, refused: Map<number, LogLineError>): number[][] {
  const [only] = indices;
  if (indices.length === 1 && only !== undefined) {
    refused.set(only, about(error, 0));
    return [];
  }
  const faulty = new Set(error.errors.flatMap(({ pointer }) => placeOf(pointer) ?? []));
  const rest = indices.filter((_, place) => !faulty.has(place));
  if (rest.length === indices.length) {
    const half = indices.length >> 1;
    return [indices.slice(0, half), indices.slice(half)];
  }
  for (const place of faulty) {
    const index = indices[place];
    if (index !== undefined) refused.set(index, about(error, place));
  }
  return [rest];
}

/** The index at which a pointer into a list begins. */
function placeOf(pointer: string): number | undefined {
  const [, place] = /^\/(\d+)(?=\/|$)/.exec(pointer) ?? [];
  return place === undefined ? undefined : Number(place);
}

/** The part of an error that concerns one span of the request. */
function about(error: LogLineError, place: number): LogLineError {
  const own = error.errors.filter(({ pointer }) => (placeOf(pointer) ?? place) === place);
  return new LogLineError(
    own.length === 0 ? error.message : `${error.status}: ${own.map(({ detail }) => detail).join('; ')}`,
    {
      ...error,
      errors: own.map(({ pointer, detail }) => ({ pointer: pointer.replace(/^\/\d+(?=\/|$)/, ''), detail })),
    },
  );
}

/** The refused spans with their drafts and errors. */
export function refusalsOf<Draft>(
  drafts: readonly Draft[],
  refused: ReadonlyMap<number, LogLineError>,
): Refusal<Draft>[] {
  return drafts.flatMap((draft, index) => {
    const error = refused.get(index);
    return error === undefined ? [] : [{ draft, error }];
  });
}

async function gzip(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
