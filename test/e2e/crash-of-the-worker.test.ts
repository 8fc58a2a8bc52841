import assert from 'node:assert/strict';
import {
  cleanUp,
  type LocalRun,
  processesNaming,
  startLocalRun,
  temporaryFolder,
} from '../support/local-run';
import { until } from '../support/until';

const REQUESTS = 200;

interface Span {
  readonly id: string;
  readonly seq: number;
  readonly status: string;
  readonly metadata: { readonly request_id: string; readonly attempt: number };
}

describe('a kill -9 in the middle of queued requests', function () {
  this.timeout(240_000);
  let data: string;
  before(async () => {
    data = await temporaryFolder();
  });
  after(() => cleanUp(data));

  // biome-ignore lint/suspicious/noExplicitAny: the shape of an answer is what a test asserts
  async function call(local: LocalRun, path: string, body?: unknown): Promise<any> {
    const response = await fetch(`${local.url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${local.token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return response.json();
  }

  async function all(local: LocalRun, entityType: string): Promise<Span[]> {
    const spans: Span[] = [];
    for (let cursor: string | null = null; ; ) {
      const query = new URLSearchParams({
        entity_type: entityType,
        limit: '1000',
        ...(cursor === null ? {} : { cursor }),
      });
      const page = await call(local, `/api/timeline?${query}`);
      spans.push(...page.spans);
      if (!page.has_more) return spans;
      cursor = page.next_cursor;
    }
  }

  const complete = async (local: LocalRun): Promise<number> =>
    (await call(local, '/api/timeline?entity_type=request&status=complete&limit=1000')).count;

  const ended = (spans: readonly Span[]) =>
    spans.filter(({ status }) => status === 'complete' || status === 'error');

  it('leaves every request ended exactly once after the next start', async () => {
    const first = await startLocalRun(data);
    const { span: fn } = await call(first, '/api/spans', {
      entity_type: 'function',
      who: 'e2e',
      this: 'echo',
      // Slow enough that the kill hits running functions.
      code: 'function main(ctx, input) { const end = Date.now() + 40; while (Date.now() < end); return input; }',
    });
    const requests = Array.from({ length: REQUESTS }, (_, index) => ({
      entity_type: 'request',
      who: 'e2e',
      this: fn.id,
      status: 'scheduled',
      parent_id: fn.id,
      input: index,
    }));
    const { spans } = await call(first, '/api/spans', requests);
    await until('some requests have ended', async () => (await complete(first)) > 10);
    for (const pid of await processesNaming(data)) process.kill(pid, 'SIGKILL');
    process.kill(first.pid, 'SIGKILL');
    await first.ended;

    const second = await startLocalRun(data);
    await until('all requests have ended', async () => (await complete(second)) >= REQUESTS, 180_000);
    const ends = ended(await all(second, 'request'));
    assert.equal(new Set(ends.map(({ id }) => id)).size, REQUESTS);
    assert.equal(ends.length, REQUESTS, 'none has ended twice');
    assert.deepEqual(new Set(ends.map(({ id }) => id)), new Set(spans.map(({ id }: Span) => id)));
    assert.ok(ends.every(({ status }) => status === 'complete'));
    const attempts = (await all(second, 'execution')).map(
      ({ metadata }) => `${metadata.request_id} ${metadata.attempt}`,
    );
    assert.equal(new Set(attempts).size, attempts.length, 'no attempt has two executions');
    await second.stop();
  });
});
