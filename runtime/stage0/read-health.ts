import { json } from './answer';
import type { Handler } from './handlers';
import { parseQuery } from './query';
import { validateHealthQuery } from './validators.generated';

/** `GET /api/health`: the database answers and has every migration of this program, and what is not well besides. */
export const readHealth: Handler = async ({ health, publicKeyHex }, { request }) => {
  const { ready } = parseQuery<{ ready?: string }>(request, validateHealthQuery);
  if (ready === '1') health.requireReady();
  const { status, codes, migration } = await health.report();
  return json(200, {
    status,
    ...(codes.length === 0 ? {} : { codes }),
    migration,
    public_key: publicKeyHex(),
  });
};
