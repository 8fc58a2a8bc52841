import { NotFoundError } from '../base/errors';
import { runStatement } from '../db/query-as';
import { spanOfRow } from '../ledger/span-row';
import { json } from './answer';
import { identityOf } from './authenticate';
import type { Handler } from './handlers';
import { withReadShare } from './read-share';

/** `GET /api/manifest/{name}`: the newest visible version. */
export const readManifest: Handler = async (stage0, { caller, path }) => {
  const identity = identityOf(caller);
  const name = path.name ?? '';
  if (name.includes('\0')) throw new NotFoundError('There is no such manifest for you.');
  return withReadShare(
    stage0,
    identity,
    async () => {
      const [row] = await runStatement(stage0.database, identity, 'manifest', [name, identity.tenant]);
      if (row === undefined) throw new NotFoundError('There is no such manifest for you.');
      return json(200, { manifest: spanOfRow(row) });
    },
    ({ text }) => text.length,
  );
};
