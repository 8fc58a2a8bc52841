import { performance } from 'node:perf_hooks';
import { Client } from 'pg';
import { SPAN_COLUMNS } from '../../runtime/base/span';
import { Database } from '../../runtime/db/pool';
import { readTimeline } from '../../runtime/ledger/timeline';
import { combinedFilters } from '../../runtime/ledger/timeline-filter';
import type { TimelinePosition } from '../../runtime/ledger/timeline-request';
import type { RunningLedger } from './by-size';
import { HttpCaller, httpRequest } from './http-load';
import type { PageCase } from './page-cases';

/** Spans a page. */
export const PAGE = 50;
/** Number of pages before a deep one; a filter with fewer pages uses its last. */
const DEEP = 40;

/** Milliseconds of one page, read in three ways. */
export interface PageTimes {
  /** `GET /api/timeline`, from the first byte sent to the last received. */
  readonly httpMs: number;
  /** The same page as a call of the library: transaction, identity, statement. */
  readonly callMs: number;
  /** One ordered range of one audience, written by hand, prepared, without row-level security. */
  readonly handMs: number;
}

/** A page, prepared for repeated reads. */
export interface ReadyPage {
  readonly spans: number;
  read(): Promise<PageTimes>;
}

/** Reads pages of one ledger in three ways. */
export class PageReader {
  readonly #database: Database;
  readonly #byHand: Client;
  readonly #caller: HttpCaller;
  readonly #product: RunningLedger['product'];

  private constructor(
    database: Database,
    byHand: Client,
    caller: HttpCaller,
    product: RunningLedger['product'],
  ) {
    this.#database = database;
    this.#byHand = byHand;
    this.#caller = caller;
    this.#product = product;
  }

  static async open({ ledger, product }: RunningLedger): Promise<PageReader> {
    const byHand = new Client({
      connectionString: ledger.database.superuserUrl,
      options: '-c timezone=UTC -c jit=off',
    });
    await byHand.connect();
    const database = new Database({ connectionString: ledger.database.appUrl, poolSize: 1 });
    return new PageReader(database, byHand, await HttpCaller.open(product.port), product);
  }

  async close(): Promise<void> {
    this.#caller.close();
    await this.#byHand.end();
    await this.#database.close();
  }

  /** Prepares the first page, or a deep one. */
  async prepare(page: PageCase, deep: boolean): Promise<ReadyPage> {
    const { identity } = page;
    const token =
      identity.tenant === '' ? undefined : await this.#product.token(identity.user, identity.tenant);
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    let cursor: string | undefined;
    let position: TimelinePosition | undefined;
    for (let depth = 0; deep && depth < DEEP; depth += 1) {
      const next = await this.#step(page, headers, cursor, position);
      if (next === undefined) break;
      ({ cursor, position } = next);
    }
    const request = requestOf(page, headers, cursor);
    const { spans } = JSON.parse((await this.#caller.exchange(request)).text()) as { spans: unknown[] };
    return {
      spans: spans.length,
      read: async () => ({
        httpMs: await timed(() => this.#caller.exchange(request)),
        callMs: await timed(() => this.#call(page, position)),
        handMs: await timed(() => this.#hand(page, position)),
      }),
    };
  }

  /** Position of the next page, for HTTP and for the library. */
  async #step(
    page: PageCase,
    headers: Record<string, string>,
    cursor: string | undefined,
    position: TimelinePosition | undefined,
  ): Promise<{ cursor: string; position: TimelinePosition } | undefined> {
    const answer = await this.#caller.exchange(requestOf(page, headers, cursor));
    if (answer.status !== 200) throw new Error(`a page was answered ${answer.status}: ${answer.text()}`);
    const { next_cursor: next } = JSON.parse(answer.text()) as { next_cursor: string | null };
    const { next: nextPosition } = await this.#call(page, position);
    return next === null || nextPosition === undefined ? undefined : { cursor: next, position: nextPosition };
  }

  #call({ identity, filter, repeated }: PageCase, after: TimelinePosition | undefined) {
    const anyOf = repeated === undefined ? undefined : combinedFilters(repeated);
    return readTimeline(this.#database, { identity, filter, anyOf, order: 'desc', limit: PAGE, after });
  }

  /** The range with most of the page, as one would write it for a single-tenant table. */
  async #hand({ identity, filter }: PageCase, after: TimelinePosition | undefined): Promise<void> {
    const isPublic = identity.tenant === '' || filter.visibility === 'public';
    const audience = isPublic ? 'public' : `tenant:${identity.tenant}`;
    const beyond = after === undefined || after.order === 'feed' ? '' : 'AND (at, id, seq) < ($2, $3, $4)';
    await this.#byHand.query({
      name: beyond === '' ? 'first' : 'next',
      text: `SELECT ${SPAN_COLUMNS.join(', ')} FROM ledger.universal_registry WHERE audience = $1 ${beyond}
        ORDER BY at DESC, id DESC, seq DESC LIMIT ${PAGE}`,
      values:
        after === undefined || after.order === 'feed'
          ? [audience]
          : [audience, after.at, after.id, after.seq],
    });
  }
}

function requestOf(
  { filter, repeated = {} }: PageCase,
  headers: Record<string, string>,
  cursor: string | undefined,
): Buffer {
  const query = new URLSearchParams({
    ...filter,
    limit: String(PAGE),
    ...(cursor === undefined ? {} : { cursor }),
  });
  for (const [name, values] of Object.entries(repeated))
    for (const value of [values].flat()) query.append(name, value);
  return httpRequest('GET', `/api/timeline?${query}`, headers);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}
