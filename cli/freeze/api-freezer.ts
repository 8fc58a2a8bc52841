import { OperatorError } from '../../local/operator-error';
import { FREEZE_WAITS } from '../../runtime/ledger/frozen-tenant';
import { operatorClient } from '../import/operator-client';
import { explainProblem, member, textMember } from '../ledger-api';
import type { Target } from '../target';
import type { Freezer } from './frozen-tenant';

/** Freezes and thaws through the API as the operator, for a ledger whose database only its functions can reach. */
export function apiFreezer(target: Target, hasToken: boolean): Freezer {
  const clientNow = operatorClient(target, hasToken);
  const step = async (what: 'freeze' | 'thaw', tenant: string): Promise<unknown> => {
    const client = await clientNow();
    const path = `/api/${what}/${encodeURIComponent(tenant)}`;
    const answer = await client.request(path, { method: 'POST' });
    // Writers hold the table lock for longer than a step waits.
    if (answer.status === 503) return undefined;
    if (answer.status !== 200 && answer.status !== 202)
      throw new OperatorError(`${client.url}${path} answered ${explainProblem(answer)}`);
    return answer.body;
  };
  return {
    pollMs: 1_000,
    async freezeStep(tenant) {
      const body = await step('freeze', tenant);
      if (member(body, 'frozen') === true) return null;
      const waitsFor = textMember(body, 'waits_for');
      return FREEZE_WAITS.find((one) => one === waitsFor) ?? 'transactions';
    },
    async thawStep(tenant) {
      const body = await step('thaw', tenant);
      return member(body, 'frozen') === false ? member(body, 'was_frozen') === true : null;
    },
  };
}
