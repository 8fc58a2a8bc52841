import { NotFoundError } from '../base/errors';
import type { Identity } from '../base/identity';
import type { SignedSpan } from '../base/span';
import { parseWith } from '../json/parse-with';
import { readSpans, readVersions } from '../ledger/span-reader';
import { json } from './answer';
import { identityOf } from './authenticate';
import type { Handler } from './handlers';
import { queryOf } from './query';
import type { Stage0 } from './stage0';
import { validateIdPath, validateSpanQuery } from './validators.generated';

/** Largest PostgreSQL integer. */
const MAX_SEQ = 2_147_483_647;

/** `GET /api/spans/{id}`. A span that row-level security hides and one that does not exist look the same. */
export const readSpan: Handler = async (stage0, { request, caller, path }) => {
  const { id } = parseWith<{ id: string }>(validateIdPath, path, 'The path');
  const query = parseWith<{ seq?: string }>(validateSpanQuery, queryOf(request), 'The query');
  const seq = query.seq === undefined ? undefined : Number(query.seq);
  const identity = identityOf(caller);
  const versions = await readVersions(stage0.database, identity, id.toLowerCase());
  const span =
    seq === undefined ? versions.at(-1) : await readVersion(stage0, identity, id.toLowerCase(), seq);
  if (span === undefined) {
    throw new NotFoundError(
      seq === undefined
        ? 'There is no such span for you.'
        : `There is no version ${seq} of this span for you.`,
    );
  }
  return json(200, { span, versions });
};

/** A version never changes, so it may be read after the others. */
async function readVersion(
  { database }: Stage0,
  identity: Identity,
  id: string,
  seq: number,
): Promise<SignedSpan | undefined> {
  const [span] = seq > MAX_SEQ ? [] : await readSpans(database, identity, [{ id, seq }]);
  return span;
}
