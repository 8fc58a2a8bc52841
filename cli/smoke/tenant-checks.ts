import { member } from '../ledger-api';
import {
  CheckSkipped,
  draft,
  expect,
  expectStatus,
  firstSpan,
  type SmokeCheck,
  type SmokeContext,
  verifiedSpan,
} from './smoke-context';

/** Checks that another tenant is refused. */
export const TENANT_CHECKS: readonly SmokeCheck[] = [
  {
    name: 'another tenant cannot read a private span',
    async run(context) {
      const token = otherToken(context);
      expectStatus(await context.client.request(`/api/spans/${firstSpan(context).id}`, { token }), 404);
      return '404';
    },
  },
  {
    name: 'another tenant cannot read a span that is shared within its tenant',
    async run(context) {
      const token = otherToken(context);
      const appended = await context.client.request('/api/spans', {
        method: 'POST',
        json: draft(context, { visibility: 'tenant' }),
      });
      expectStatus(appended, 201);
      const { id } = verifiedSpan(appended.body, 'span');
      expectStatus(await context.client.request(`/api/spans/${id}`, { token }), 404);
      return '404';
    },
  },
  {
    name: 'another tenant lists none of them, whatever it asks for',
    async run(context) {
      const token = otherToken(context);
      const { tenant_id: tenant } = firstSpan(context);
      for (const query of ['', `&tenant_id=${encodeURIComponent(tenant)}`]) {
        const path = `/api/timeline?trace_id=${context.traceId}${query}`;
        const body = await context.client.demand(path, { token });
        expect(member(body, 'count') === 0, `it lists ${String(member(body, 'count'))} spans`);
      }
      return '';
    },
  },
  {
    name: 'another tenant cannot write into this one',
    async run(context) {
      const token = otherToken(context);
      const { tenant_id, owner_id } = firstSpan(context);
      const answer = await context.client.request('/api/spans', {
        method: 'POST',
        json: draft(context, { tenant_id, owner_id }),
        token,
      });
      expectStatus(answer, 403);
      return '403';
    },
  },
  {
    name: 'another tenant cannot continue a version chain',
    async run(context) {
      const token = otherToken(context);
      const { id, curr_hash } = firstSpan(context);
      const answer = await context.client.request('/api/spans', {
        method: 'POST',
        json: draft(context, { id, seq: 2, prev_hash: curr_hash }),
        token,
      });
      // 409 as for a gap is fine: the answer must not reveal that the entity exists.
      expectStatus(answer, 403, 409);
      return String(answer.status);
    },
  },
];

function otherToken({ otherToken: token }: SmokeContext): string {
  if (token === undefined) throw new CheckSkipped('give a token of another tenant with --other-token');
  return token;
}
