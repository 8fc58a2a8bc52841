import { OperatorError } from '../../local/operator-error';
import type { SignedSpan } from '../../runtime/base/span';
import { explainProblem, LedgerApi, member, textMember } from '../ledger-api';
import type { Target } from '../target';

/** The ledger's versions next to a span. */
export interface LedgerView {
  /** `curr_hash` of the same version; undefined when it is missing or hidden. */
  readonly same: string | undefined;
  /** `curr_hash` of the version before. */
  readonly before: string | undefined;
}

/** Entities read in parallel. */
const PARALLEL = 8;
const MAX_REMEMBERED_OWNERS = 1_000;

/** Looks up spans in a running ledger, each with a minted token of its owner, or all with the given token. */
export class LedgerComparison {
  readonly #target: Target;
  readonly #hasToken: boolean;
  readonly #clients = new Map<string, Promise<LedgerApi>>();

  /** @param hasToken whether the user gave a token, which is then used for all spans */
  constructor(target: Target, hasToken: boolean) {
    this.#target = target;
    this.#hasToken = hasToken;
  }

  /**
   * The ledger's view of each span, in order.
   * @throws OperatorError when the API refuses or does not answer
   */
  async look(spans: readonly SignedSpan[]): Promise<LedgerView[]> {
    const entities = new Map<string, Promise<ReadonlyMap<number, string>>>();
    const oldest = oldestWanted(spans);
    const views: LedgerView[] = [];
    for (let start = 0; start < spans.length; start += PARALLEL) {
      const group = spans.slice(start, start + PARALLEL);
      views.push(
        ...(await Promise.all(
          group.map(async (span) => {
            const known = entities.get(span.id) ?? this.#hashesOf(span, oldest.get(span.id) ?? 0);
            entities.set(span.id, known);
            return viewOf(span, await known);
          }),
        )),
      );
    }
    return views;
  }

  /** seq → curr_hash, from the newest version down to `oldest`. */
  async #hashesOf(span: SignedSpan, oldest: number): Promise<ReadonlyMap<number, string>> {
    const client = await this.#clientOf(span);
    const hashes = new Map<number, string>();
    const path = `/api/spans/${span.id}`;
    // The first page has the newest versions; its cursor leads to older ones.
    let cursor = await this.#read(client, path, hashes);
    while (cursor !== undefined && !hashes.has(oldest))
      cursor = await this.#read(client, `${path}?cursor=${encodeURIComponent(cursor)}`, hashes);
    return hashes;
  }

  /** @returns the cursor of the next page */
  async #read(client: LedgerApi, path: string, hashes: Map<number, string>): Promise<string | undefined> {
    const answer = await client.request(path);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200)
      throw new OperatorError(`${client.url}${path} answered ${explainProblem(answer)}`);
    const versions = member(answer.body, 'versions');
    for (const version of Array.isArray(versions) ? versions : []) {
      const seq = member(version, 'seq');
      const hash = textMember(version, 'curr_hash');
      if (typeof seq === 'number' && hash !== undefined) hashes.set(seq, hash);
    }
    return textMember(answer.body, 'next_cursor');
  }

  #clientOf({ owner_id, tenant_id }: SignedSpan): Promise<LedgerApi> {
    if (this.#hasToken) return Promise.resolve(this.#target.client);
    const name = JSON.stringify([tenant_id, owner_id]);
    const known = this.#clients.get(name);
    if (known !== undefined) return known;
    if (this.#clients.size >= MAX_REMEMBERED_OWNERS) this.#clients.clear();
    const made = this.#target
      .mint(owner_id, tenant_id)
      .then((token) => new LedgerApi(this.#target.client.url, token));
    this.#clients.set(name, made);
    return made;
  }
}

/** For each entity the version before the oldest given one, at least 0. */
function oldestWanted(spans: readonly SignedSpan[]): ReadonlyMap<string, number> {
  const oldest = new Map<string, number>();
  for (const { id, seq } of spans)
    oldest.set(id, Math.min(Math.max(0, seq - 1), oldest.get(id) ?? Number.POSITIVE_INFINITY));
  return oldest;
}

function viewOf({ seq }: SignedSpan, hashes: ReadonlyMap<number, string>): LedgerView {
  return { same: hashes.get(seq), before: hashes.get(seq - 1) };
}
