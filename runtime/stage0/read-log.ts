import type { Caller } from '../auth';
import { NotFoundError } from '../base/errors';
import { toBase64 } from '../proofs/base64';
import { LogReader } from '../proofs/log-reader';
import { parseTilePath } from '../proofs/tile';
import { type Answer, callerOf, json } from './answer';
import { identityOf, requireScope } from './authenticate';
import type { Handler } from './handlers';
import { parseQuery } from './query';
import { withReadDatabase } from './read-database';
import { withReadShare } from './read-share';
import type { Stage0 } from './stage0';
import { validateCheckpointQuery, validateConsistencyQuery, validateNoQuery } from './validators.generated';

/** A tile of a signed log never changes; who may read it may. */
const IMMUTABLE = { 'cache-control': 'private, max-age=31536000, immutable' };

/** `GET /api/log/{tenant}/checkpoint`: the newest signed state of a tenant's log, or that of one size. */
export const readCheckpoint: Handler = async (stage0, { request, caller, path }) => {
  const query = parseQuery<{ size?: string }>(request, validateCheckpointQuery);
  // From the writer: a newest checkpoint that is older than one seen before would look like a rollback.
  const reader = new LogReader(stage0.database, ownTenant(caller, path));
  const size = query.size === undefined ? undefined : Number(query.size);
  const { note } = await withReadShare(stage0, identityOf(caller), () => reader.checkpoint(size));
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'private, no-cache' };
  return { status: 200, headers, text: note };
};

/** `GET /api/log/{tenant}/consistency`: that the log of one size begins with that of a smaller one. */
export const readConsistency: Handler = async (stage0, { request, caller, path }) => {
  const query = parseQuery<{ from: string; to: string }>(request, validateConsistencyQuery);
  const [from, to] = [Number(query.from), Number(query.to)];
  const hashes = await onReader(stage0, request, caller, path, (log) => log.consistency(from, to));
  return json(200, { from, to, hashes: hashes.map(toBase64) }, IMMUTABLE);
};

/** `GET /api/log/{tenant}/tile/…`: hashes of the tree, or the leaves themselves, as tlog-tiles has them. */
export const readTile: Handler = async (stage0, { request, caller, path }) => {
  parseQuery<object>(request, validateNoQuery);
  const { level, ...place } = parseTilePath(path.tile ?? '');
  // Entries have the ids of all private spans of the tenant.
  if (level === 'entries') {
    requireScope(callerOf(caller), 'admin');
    return bytes(await onReader(stage0, request, caller, path, (log) => log.entries(place)));
  }
  return bytes(await onReader(stage0, request, caller, path, (log) => log.tile({ level, ...place })));
};

/**
 * Reads immutable data from the reader, and from the writer when the reader does not have it yet.
 * @throws NotFoundError for the log of another tenant
 */
function onReader<T>(
  stage0: Stage0,
  request: Request,
  caller: Caller | undefined,
  path: Readonly<Record<string, string>>,
  read: (log: LogReader) => Promise<T>,
): Promise<T> {
  const tenant = ownTenant(caller, path);
  return withReadShare(stage0, identityOf(caller), () =>
    withReadDatabase(stage0, request, undefined, async (database, isReplica) => {
      try {
        return await read(new LogReader(database, tenant));
      } catch (error) {
        if (!isReplica || !(error instanceof NotFoundError)) throw error;
        return read(new LogReader(stage0.database, tenant));
      }
    }),
  );
}

function ownTenant(caller: Caller | undefined, { tenant = '' }: Readonly<Record<string, string>>): string {
  if (callerOf(caller).tenant !== tenant) throw new NotFoundError('There is no such log for you.');
  return tenant;
}

function bytes(body: Uint8Array): Answer {
  const headers = { 'content-type': 'application/octet-stream', ...IMMUTABLE };
  return { status: 200, headers, text: '', body: Uint8Array.from(body) };
}
