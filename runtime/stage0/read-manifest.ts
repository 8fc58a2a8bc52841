import { sql } from 'kysely';
import { SYSTEM } from '../db/identity';
import { withPg } from '../db/with-pg';
import { NotFoundError } from '../ledger/errors';
import { SPAN_COLUMNS } from '../ledger/span';
import { spanOfRow } from '../ledger/span-row';
import { json } from './answer';
import { identityOf } from './authenticate';
import type { Handler } from './handlers';

/**
 * `GET /api/manifest/{name}`: the newest visible version. Anyone may publish a manifest under any name, so
 * the system's comes before the caller's own tenant's, and that before those of strangers. Of one manifest
 * the highest seq counts, since `at` is what a client says it is.
 */
export const readManifest: Handler = async (stage0, { caller, path }) => {
  const identity = identityOf(caller);
  const name = path.name ?? '';
  if (name.includes('\0')) throw new NotFoundError('There is no such manifest for you.');
  const row = await withPg(
    stage0.database,
    identity,
    ({ db }) =>
      db
        .selectFrom('ledger.visible_timeline as manifest')
        .select(SPAN_COLUMNS)
        .where('entity_type', '=', 'manifest')
        .where('name', '=', name)
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('ledger.universal_registry as later')
                .select('later.id')
                .whereRef('later.id', '=', 'manifest.id')
                .whereRef('later.seq', '>', 'manifest.seq'),
            ),
          ),
        )
        .orderBy(sql`tenant_id = ${SYSTEM.tenant}`, 'desc')
        .orderBy(sql`tenant_id = ${identity.tenant}`, 'desc')
        .orderBy('at', 'desc')
        .orderBy('seq', 'desc')
        .limit(1)
        .executeTakeFirst(),
    { readOnly: true },
  );
  if (row === undefined) throw new NotFoundError('There is no such manifest for you.');
  return json(200, { manifest: spanOfRow(row) });
};
