import type { Caller } from '../auth';
import { NotFoundError } from '../base/errors';
import { toBase64 } from '../proofs/base64';
import { LogReader } from '../proofs/log-reader';
import { parseTilePath } from '../proofs/tile';
import { type Answer, callerOf, json } from './answer';
import { requireScope } from './authenticate';
import type { Handler } from './handlers';
import { parseQuery } from './query';
import type { Stage0 } from './stage0';
import { validateCheckpointQuery, validateConsistencyQuery, validateNoQuery } from './validators.generated';

/** A tile of a signed log never changes; who may read it may. */
const IMMUTABLE = { 'cache-control': 'private, max-age=31536000, immutable' };

/** `GET /api/log/{tenant}/checkpoint`: the newest signed state of a tenant's log, or that of one size. */
export const readCheckpoint: Handler = async (stage0, { request, caller, path }) => {
  const query = parseQuery<{ size?: string }>(request, validateCheckpointQuery);
  const reader = readerOf(stage0, caller, path);
  const { note } = await reader.checkpoint(query.size === undefined ? undefined : Number(query.size));
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'private, no-cache' };
  return { status: 200, headers, text: note };
};

/** `GET /api/log/{tenant}/consistency`: that the log of one size begins with that of a smaller one. */
export const readConsistency: Handler = async (stage0, { request, caller, path }) => {
  const query = parseQuery<{ from: string; to: string }>(request, validateConsistencyQuery);
  const [from, to] = [Number(query.from), Number(query.to)];
  const hashes = await readerOf(stage0, caller, path).consistency(from, to);
  return json(200, { from, to, hashes: hashes.map(toBase64) }, IMMUTABLE);
};

/** `GET /api/log/{tenant}/tile/…`: hashes of the tree, or the leaves themselves, as tlog-tiles has them. */
export const readTile: Handler = async (stage0, { request, caller, path }) => {
  parseQuery<object>(request, validateNoQuery);
  const reader = readerOf(stage0, caller, path);
  const { level, ...place } = parseTilePath(path.tile ?? '');
  // Leaves name the private spans of everybody in the tenant.
  if (level === 'entries') {
    requireScope(callerOf(caller), 'admin');
    return bytes(await reader.entries(place));
  }
  return bytes(await reader.tile({ level, ...place }));
};

/** @throws NotFoundError for the log of another tenant */
function readerOf(
  { database }: Stage0,
  caller: Caller | undefined,
  { tenant = '' }: Readonly<Record<string, string>>,
): LogReader {
  if (callerOf(caller).tenant !== tenant) throw new NotFoundError('There is no such log for you.');
  return new LogReader(database, tenant);
}

function bytes(body: Uint8Array): Answer {
  const headers = { 'content-type': 'application/octet-stream', ...IMMUTABLE };
  return { status: 200, headers, text: '', body: Uint8Array.from(body) };
}
