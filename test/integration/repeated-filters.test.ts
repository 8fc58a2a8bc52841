import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { assertProblem } from '../support/problem';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

describe('a filter with several values', () => {
  let stage0: TestStage0;
  let token: string;
  const [one, two] = [randomUUID(), randomUUID()];
  before(async () => {
    stage0 = await createTestStage0();
    token = await stage0.token('alice', 'acme');
    const at = (second: number) => `2025-01-01T00:00:0${second}.000Z`;
    const body = [
      { this: 'a', status: 'open', entity_type: 'task', related_to: [one] },
      { this: 'b', status: 'held', entity_type: 'task', related_to: [one, two], visibility: 'public' },
      { this: 'c', status: 'done', entity_type: 'task', related_to: [two] },
      { this: 'd', status: 'open', entity_type: 'note', visibility: 'tenant' },
    ].map((span, index) => ({ who: 'alice', at: at(index), ...span }));
    assert.equal((await stage0.call('/api/spans', { token, body })).status, 201);
  });
  after(() => stage0.close());

  const list = (query: string) => stage0.call(`/api/timeline?${query}`, { token });
  const found = async (query: string) => {
    const { status, body } = await list(query);
    assert.equal(status, 200, JSON.stringify(body));
    return body.spans.map((span: { this: string }) => span.this).join('');
  };

  it('matches any of them, in the order of the listing, each span once', async () => {
    assert.equal(await found('status=open&status=held'), 'dba');
    assert.equal(await found('status=open&status=held&order=asc'), 'abd');
    assert.equal(await found('status=open&status=held&order=feed'), 'abd');
    assert.equal(await found('status=open&status=open'), 'da');
    assert.equal(await found('status=open&status=held&entity_type=task'), 'ba');
    assert.equal(await found('status=open&status=done&entity_type=task&entity_type=note'), 'dca');
    assert.equal(await found('visibility=public&visibility=private'), 'cba');
  });

  it('of related_to finds a span that relates to both once', async () => {
    assert.equal(await found(`related_to=${one}&related_to=${two}`), 'cba');
    assert.equal(await found(`related_to=${two}&related_to=${one}&order=feed`), 'abc');
  });

  it('continues from its cursor, which is valid for these values only', async () => {
    const { body } = await list('status=open&status=held&limit=2');
    assert.equal(await found(`status=open&status=held&limit=2&cursor=${body.next_cursor}`), 'a');
    assertProblem(await list(`status=open&cursor=${body.next_cursor}`), 400, ['/cursor']);
  });

  it('has ten at most, and all filters together ten combinations', async () => {
    const values = (name: string, count: number) =>
      Array.from({ length: count }, (_, index) => `${name}=v${index}`).join('&');
    assert.equal(await found(values('status', 10)), '');
    assert.equal(await found(`${values('status', 5)}&${values('who', 2)}`), '');
    assertProblem(await list(values('status', 11)), 400, ['/status']);
    assertProblem(await list(`${values('status', 4)}&${values('who', 3)}`), 400, ['/status']);
  });

  it('is refused for parameters with a single value, and every fault is reported at once', async () => {
    assertProblem(await list('limit=1&limit=2&since=x&status=&who=a&who='), 400, [
      '/limit',
      '/since',
      '/status',
      '/who',
    ]);
  });
});
