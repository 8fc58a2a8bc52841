import { UnavailableError } from '../base/errors';
import { NOBODY } from '../base/identity';
import { LATEST_MIGRATION } from '../db/latest-migration.generated';
import { runStatement } from '../db/query-as';
import { json } from './answer';
import type { Handler } from './handlers';

/** `GET /api/health`: the database answers and has every migration of this program. */
export const readHealth: Handler = async (stage0) => {
  const [row] = await runStatement(stage0.database, NOBODY, 'migration', [LATEST_MIGRATION], 'probe');
  if (row === undefined) {
    throw new UnavailableError('The database is not migrated yet; run the migrations.', {
      retryAfterSeconds: 5,
    });
  }
  return json(200, { status: 'ok', migration: row.name, public_key: stage0.publicKeyHex() });
};
