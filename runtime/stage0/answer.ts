import type { Caller } from '../crypto';
import { UnauthorizedError } from '../ledger/errors';

/** A JSON answer. */
export function json(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
}

/** The caller of a route whose table entry demands a token. */
export function callerOf(caller: Caller | undefined): Caller {
  if (caller === undefined) throw new UnauthorizedError('This needs a token.');
  return caller;
}
