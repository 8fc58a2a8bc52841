import { Reservation } from '../base/fair-shares';
import { TURN_BYTES } from '../base/fair-turns';
import { parseWith } from '../json/parse-with';
import {
  readWork as pageOfWork,
  importWork as takeWork,
  type WorkKind,
  type WorkPage,
} from '../ledger/work-state';
import { callerOf, json } from './answer';
import { requireOperator } from './authenticate';
import type { Handler } from './handlers';
import { parseQuery } from './query';
import { readJsonBody } from './request-body';
import { validateTenantPath, validateWorkPage, validateWorkQuery } from './validators.generated';

/** `GET /api/work/{tenant}`: the work state of a frozen tenant, for the cell that it moves to. */
export const readWork: Handler = async (stage0, { request, caller, path }) => {
  requireOperator(callerOf(caller));
  const { tenant } = parseWith<{ tenant: string }>(validateTenantPath, path, 'The path');
  const { kind, after } = parseQuery<{ kind: WorkKind; after?: string }>(request, validateWorkQuery);
  const page = await pageOfWork(stage0.database, tenant, kind, after ?? null);
  // A tenant that was moved here before keeps the salt of its first cell.
  const isOwnSalt = kind === 'salt' && page.rows.length === 0;
  return json(200, isOwnSalt ? { ...page, rows: [{ salt: stage0.stableIdSalt() }] } : page);
};

/** `POST /api/work/{tenant}`: imports a page of it. */
export const importWork: Handler = async (stage0, { request, caller, path }) => {
  requireOperator(callerOf(caller));
  const { tenant } = parseWith<{ tenant: string }>(validateTenantPath, path, 'The path');
  const { bodies, turns } = stage0.fairness;
  const reservation = new Reservation(bodies, callerOf(caller).tenant);
  try {
    const body = await readJsonBody(request, reservation, () =>
      turns.take(callerOf(caller).tenant, TURN_BYTES),
    );
    const page = parseWith<WorkPage>(validateWorkPage, body ?? {}, 'The body');
    return json(200, { success: true, taken: await takeWork(stage0.database, tenant, page) });
  } finally {
    reservation.release();
  }
};
