import { NotFoundError } from '../base/errors';
import type { Identity } from '../base/identity';
import type { JsonValue } from '../base/span';
import { parseWith } from '../json/parse-with';
import { MAX_SPANS_BYTES } from '../ledger/page-bytes';
import { readLatest, readSpans, readVersions, type VersionPage } from '../ledger/span-reader';
import { type Answer, jsonText } from './answer';
import { identityOf } from './authenticate';
import type { Handler } from './handlers';
import { parseQuery } from './query';
import { withReadDatabase } from './read-database';
import { withReadShare } from './read-share';
import type { Stage0 } from './stage0';
import { validateIdPath, validateSpanQuery } from './validators.generated';

/** Largest PostgreSQL integer. */
const MAX_SEQ = 2_147_483_647;

interface SpanQuery {
  readonly seq?: string;
  readonly cursor?: string;
}

/**
 * `GET /api/spans/{id}`: a version, and a page of the history. A span that row-level security hides and one that does
 * not exist look the same.
 */
export const readSpan: Handler = (stage0, { request, caller, path }) => {
  const { id } = parseWith<{ id: string }>(validateIdPath, path, 'The path');
  const query = parseQuery<SpanQuery>(request, validateSpanQuery);
  const identity = identityOf(caller);
  return withReadShare(
    stage0,
    identity,
    () =>
      withReadDatabase(stage0, request, undefined, (database) =>
        readEntity({ ...stage0, database }, identity, id.toLowerCase(), query),
      ),
    ({ text }) => text.length,
  );
};

async function readEntity(
  stage0: Stage0,
  identity: Identity,
  id: string,
  { seq, cursor }: SpanQuery,
): Promise<Answer> {
  const { database, cursors, fairness } = stage0;
  const query: JsonValue = { entity: id, user: identity.user, tenant: identity.tenant };
  const before = cursor === undefined ? undefined : cursors.openVersion(cursor, query);
  const page = await readVersions(database, identity, id, before, {
    turn: (bytes) => fairness.turns.take(identity.tenant, bytes),
  });
  const newest = before === undefined ? page.json[0] : undefined;
  const span =
    seq === undefined
      ? (newest ?? (await latest(stage0, identity, id)))
      : await version(stage0, identity, id, Number(seq));
  if (span === undefined) {
    throw new NotFoundError(
      seq === undefined
        ? 'There is no such span for you.'
        : `There is no version ${seq} of this span for you.`,
    );
  }
  const versions = besideSpan(page, span);
  const oldest = versions.spans.at(-1);
  const next = versions.hasMore && oldest !== undefined ? cursors.sealVersion(oldest.seq, query) : null;
  return jsonText(
    200,
    `{"span":${span},"versions":[${[...versions.json].reverse().join(',')}],` +
      `"has_more":${versions.hasMore},"next_cursor":${JSON.stringify(next)}}`,
  );
}

/** A version never changes, so it may be read after the others. */
async function version(
  { database }: Stage0,
  identity: Identity,
  id: string,
  seq: number,
): Promise<string | undefined> {
  const [span] = seq > MAX_SEQ ? [] : await readSpans(database, identity, [{ id, seq }]);
  return span === undefined ? undefined : JSON.stringify(span);
}

async function latest({ database }: Stage0, identity: Identity, id: string): Promise<string | undefined> {
  const span = await readLatest(database, identity, id);
  return span === undefined ? undefined : JSON.stringify(span);
}

/** The versions of a page that fit into an answer together with the span; one of them at least. */
function besideSpan({ spans, json, hasMore }: VersionPage, span: string): VersionPage {
  let bytes = Buffer.byteLength(span);
  let count = 0;
  for (const text of json) {
    bytes += Buffer.byteLength(text) + 1;
    if (bytes > MAX_SPANS_BYTES && count > 0) break;
    count += 1;
  }
  return {
    spans: spans.slice(0, count),
    json: json.slice(0, count),
    hasMore: hasMore || count < json.length,
  };
}
