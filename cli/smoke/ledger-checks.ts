import { randomUUID } from 'node:crypto';
import { member, textMember } from '../ledger-api';
import {
  draft,
  expect,
  expectStatus,
  firstSpan,
  isSameSpan,
  type SmokeCheck,
  type SmokeContext,
  verifiedSpan,
  verifiedSpans,
} from './smoke-context';

const BATCH = 3;

/** Checks of health, appending and reading. */
export const LEDGER_CHECKS: readonly SmokeCheck[] = [
  {
    name: 'health: the database is reachable and migrated',
    async run({ client }) {
      const answer = await client.request('/api/health');
      expectStatus(answer, 200);
      expect(member(answer.body, 'status') === 'ok', 'status is not "ok"');
      return textMember(answer.body, 'migration') ?? '';
    },
  },
  {
    name: 'the API describes itself at /openapi.json',
    async run({ client }) {
      const answer = await client.request('/openapi.json');
      expectStatus(answer, 200);
      const version = textMember(answer.body, 'openapi') ?? '';
      expect(version.startsWith('3.1'), `not an OpenAPI 3.1 document (${version || 'no version'})`);
      return version;
    },
  },
  {
    name: 'appending without a token is refused',
    async run(context) {
      const answer = await context.client.request('/api/spans', {
        method: 'POST',
        json: draft(context),
        token: null,
      });
      expectStatus(answer, 401);
      return '401';
    },
  },
  {
    name: 'a forged token is refused',
    async run({ client }) {
      const answer = await client.request('/api/timeline?limit=1', { token: 'eyJhbGciOiJub25lIn0.e30.' });
      expectStatus(answer, 401);
      return '401';
    },
  },
  {
    name: 'append one span; hash and signature of the answer hold',
    async run(context) {
      const answer = await context.client.request('/api/spans', {
        method: 'POST',
        json: draft(context, { name: 'single', metadata: { nested: { list: [1, 'é', null] } } }),
      });
      expectStatus(answer, 201);
      context.span = verifiedSpan(answer.body, 'span');
      return context.span.id;
    },
  },
  {
    name: `append ${BATCH} spans at once`,
    async run(context) {
      const answer = await context.client.request('/api/spans', {
        method: 'POST',
        json: Array.from({ length: BATCH }, (_, index) => draft(context, { name: `batch ${index}` })),
      });
      expectStatus(answer, 201);
      expect(verifiedSpans(answer.body, 'spans').length === BATCH, `not ${BATCH} spans came back`);
      return '';
    },
  },
  {
    name: 'appending the same span again changes nothing',
    async run(context) {
      const span = firstSpan(context);
      const answer = await context.client.request('/api/spans', { method: 'POST', json: span });
      expectStatus(answer, 200);
      expect(isSameSpan(verifiedSpan(answer.body, 'span'), span), 'another span came back');
      return '200';
    },
  },
  {
    name: 'an Idempotency-Key makes a retry safe',
    async run(context) {
      const request = {
        method: 'POST',
        json: draft(context, { name: 'once' }),
        headers: { 'idempotency-key': randomUUID() },
      } as const;
      const first = await context.client.request('/api/spans', request);
      const second = await context.client.request('/api/spans', request);
      expectStatus(first, 201);
      expectStatus(second, 200);
      const isOne = isSameSpan(verifiedSpan(first.body, 'span'), verifiedSpan(second.body, 'span'));
      expect(isOne, 'the retry appended a second span');
      return '';
    },
  },
  {
    name: 'other content under the same id and version is refused',
    async run(context) {
      const { id, seq } = firstSpan(context);
      const answer = await context.client.request('/api/spans', {
        method: 'POST',
        json: draft(context, { id, seq, this: 'something else' }),
      });
      expectStatus(answer, 409);
      return '409';
    },
  },
  {
    name: 'a new version follows the one before',
    async run(context) {
      const { id, curr_hash } = firstSpan(context);
      const answer = await context.client.request('/api/spans', {
        method: 'POST',
        json: draft(context, { id, seq: 1, prev_hash: curr_hash, name: 'single', status: 'changed' }),
      });
      expectStatus(answer, 201);
      expect(verifiedSpan(answer.body, 'span').prev_hash === curr_hash, 'prev_hash is not that of version 0');
      return '';
    },
  },
  {
    name: 'read a span back with its versions',
    async run(context) {
      const span = firstSpan(context);
      const answer = await context.client.request(`/api/spans/${span.id}`);
      expectStatus(answer, 200);
      const [first, second] = verifiedSpans(answer.body, 'versions');
      expect(first !== undefined && isSameSpan(first, span), 'version 0 is not what was appended');
      expect(second?.seq === 1 && second.prev_hash === span.curr_hash, 'version 1 does not follow version 0');
      return '2 versions';
    },
  },
  {
    name: 'filters list what fits and nothing else',
    async run(context) {
      const names = await list(context, { name: 'batch 1' });
      expect(names.length === 1 && names[0] === 'batch 1', `listed ${JSON.stringify(names)}`);
      return '';
    },
  },
  {
    name: 'pages neither repeat nor skip a span',
    async run(context) {
      const all = await list(context, { limit: '1000', order: 'asc' });
      const paged = [];
      let cursor: string | undefined;
      for (let page = 0; page <= all.length; page += 1) {
        const query = { limit: '2', order: 'asc', ...(cursor === undefined ? {} : { cursor }) };
        const body = await context.client.demand(pathOf(context, query));
        paged.push(...verifiedSpans(body, 'spans').map(nameOf));
        cursor = textMember(body, 'next_cursor');
        if (cursor === undefined) break;
      }
      expect(
        JSON.stringify(paged) === JSON.stringify(all),
        `pages gave ${paged.length} spans, one listing ${all.length}`,
      );
      return `${all.length} spans`;
    },
  },
  {
    name: 'the feed delivers what was appended',
    async run(context) {
      const names = await list(context, { order: 'feed', limit: '1000' });
      expect(names.includes('batch 2'), 'the last span of the batch is missing');
      return '';
    },
  },
];

/** Names of this run's spans, in the order of the listing. */
async function list(context: SmokeContext, query: Readonly<Record<string, string>>): Promise<string[]> {
  return verifiedSpans(await context.client.demand(pathOf(context, query)), 'spans').map(nameOf);
}

function pathOf(context: SmokeContext, query: Readonly<Record<string, string>>): string {
  return `/api/timeline?${new URLSearchParams({ trace_id: context.traceId, entity_type: 'smoke_test', ...query })}`;
}

function nameOf(span: { readonly name?: string | null }): string {
  return span.name ?? '';
}
