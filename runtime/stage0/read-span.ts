import { withPg } from '../db/with-pg';
import { NotFoundError } from '../ledger/errors';
import { readSpans, readVersions } from '../ledger/span-reader';
import { json } from './answer';
import { identityOf } from './authenticate';
import type { Handler } from './handlers';
import { queryOf } from './query';
import { parseWith } from './validate';
import { validateIdPath, validateSpanQuery } from './validators.generated';

/** Largest PostgreSQL integer. */
const MAX_SEQ = 2_147_483_647;

/** `GET /api/spans/{id}`. A span that row-level security hides and one that does not exist look the same. */
export const readSpan: Handler = async (stage0, { request, caller, path }) => {
  const { id } = parseWith<{ id: string }>(validateIdPath, path, 'The path');
  const query = parseWith<{ seq?: string }>(validateSpanQuery, queryOf(request), 'The query');
  const seq = query.seq === undefined ? undefined : Number(query.seq);
  const { span, versions } = await withPg(
    stage0.database,
    identityOf(caller),
    async (transaction) => {
      const found = await readVersions(transaction, id.toLowerCase());
      if (seq === undefined) return { span: found.at(-1), versions: found };
      const [one] = seq > MAX_SEQ ? [] : await readSpans(transaction, [{ id: id.toLowerCase(), seq }]);
      return { span: one, versions: found };
    },
    { readOnly: true, snapshot: true },
  );
  if (span === undefined) {
    throw new NotFoundError(
      seq === undefined
        ? 'There is no such span for you.'
        : `There is no version ${seq} of this span for you.`,
    );
  }
  return json(200, { span, versions });
};
