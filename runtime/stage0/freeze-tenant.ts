import { MalformedError } from '../base/errors';
import { SYSTEM } from '../base/identity';
import { parseWith } from '../json/parse-with';
import { freezeStep, thawStep } from '../ledger/frozen-tenant';
import { type Answer, callerOf, json } from './answer';
import { requireOperator } from './authenticate';
import type { Handler, RouteRequest } from './handlers';
import { validateTenantPath } from './validators.generated';

/** `POST /api/freeze/{tenant}`: stops the writes and the work of a tenant, a step at a time. */
export const freezeTenant: Handler = async ({ database }, request) => {
  const tenant = tenantOf(request);
  const waitsFor = await freezeStep(database, tenant);
  return stepAnswer(waitsFor === null, { tenant, frozen: waitsFor === null, waits_for: waitsFor });
};

/** `POST /api/thaw/{tenant}`: lets it write again. */
export const thawTenant: Handler = async ({ database }, request) => {
  const tenant = tenantOf(request);
  const wasFrozen = await thawStep(database, tenant);
  return stepAnswer(wasFrozen !== null, {
    tenant,
    frozen: wasFrozen === null,
    was_frozen: wasFrozen ?? true,
  });
};

function stepAnswer(isDone: boolean, body: object): Answer {
  return isDone
    ? json(200, { success: true, ...body })
    : json(202, { success: true, ...body }, { 'retry-after': '1' });
}

function tenantOf({ caller, path }: RouteRequest): string {
  requireOperator(callerOf(caller));
  const { tenant } = parseWith<{ tenant: string }>(validateTenantPath, path, 'The path');
  if (tenant === SYSTEM.tenant)
    throw new MalformedError('Tenant system is the instance’s own and is not frozen.');
  return tenant;
}
