import { OperatorError } from '../../local/operator-error';
import { FREEZE_WAITS } from '../../runtime/ledger/frozen-tenant';
import { operatorClient } from '../import/operator-client';
import { explainProblem, member, textMember } from '../ledger-api';
import type { Target } from '../target';
import { type Freezer, frozenOr, type Step, thawedOr } from './frozen-tenant';

/** Freezes and thaws through the API as the operator, for a ledger whose database only its functions can reach. */
export function apiFreezer(target: Target, hasToken: boolean): Freezer {
  const clientNow = operatorClient(target, hasToken);
  const step = async (what: 'freeze' | 'thaw', tenant: string): Promise<Step<unknown>> => {
    const client = await clientNow();
    const path = `/api/${what}/${encodeURIComponent(tenant)}`;
    const answer = await client.request(path, { method: 'POST' });
    const explained = `${client.url}${path} answered ${explainProblem(answer)}`;
    // Among others because writers hold the table lock for longer than a step waits.
    if (answer.status === 503) return { waitsFor: explained };
    if (answer.status !== 200 && answer.status !== 202) throw new OperatorError(explained);
    return { outcome: answer.body };
  };
  return {
    pollMs: 1_000,
    async freezeStep(tenant) {
      const answered = await step('freeze', tenant);
      if ('waitsFor' in answered) return answered;
      const body = answered.outcome;
      if (member(body, 'frozen') === true) return frozenOr(null);
      const waitsFor = textMember(body, 'waits_for');
      return frozenOr(FREEZE_WAITS.find((one) => one === waitsFor) ?? 'transactions');
    },
    async thawStep(tenant) {
      const answered = await step('thaw', tenant);
      if ('waitsFor' in answered) return answered;
      const body = answered.outcome;
      return thawedOr(member(body, 'frozen') === false ? member(body, 'was_frozen') === true : null);
    },
  };
}
