import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { withClient } from '../support/sql-session';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

interface Listed {
  readonly id: string;
  readonly seq: number;
  readonly at: string;
}

describe('timeline of what relates to a span', () => {
  let stage0: TestStage0;
  let alice: string;
  let bob: string;
  let stranger: string;
  before(async () => {
    stage0 = await createTestStage0();
    alice = await stage0.token('alice', 'acme');
    bob = await stage0.token('bob', 'acme');
    stranger = await stage0.token('alice', 'umbrella');
  });
  after(() => stage0.close());

  const append = async (token: string, span: object): Promise<Listed> => {
    const { status, body } = await stage0.call('/api/spans', {
      token,
      body: { entity_type: 'note', who: 'w', this: 't', ...span },
    });
    assert.equal(status, 201, JSON.stringify(body));
    return body.span;
  };
  const related = async (token: string, id: string, more = ''): Promise<Listed[]> => {
    const { body } = await stage0.call(`/api/timeline?related_to=${id}${more}`, { token });
    return body.spans;
  };

  it('continues page by page, in either order, also with other filters', async () => {
    const subject = randomUUID();
    const all: Listed[] = [];
    for (let number = 0; number < 7; number += 1) {
      const visibility = (['private', 'tenant', 'public'] as const)[number % 3];
      const who = number % 2 === 0 ? 'even' : 'odd';
      all.push(await append(alice, { related_to: [randomUUID(), subject], visibility, who }));
    }
    const ids = all.map(({ id }) => id);
    for (const [order, expected] of [
      ['asc', ids],
      ['desc', ids.toReversed()],
    ] as const) {
      const found: string[] = [];
      let cursor = '';
      do {
        const { body } = await stage0.call(
          `/api/timeline?related_to=${subject}&limit=3&order=${order}${cursor}`,
          { token: alice },
        );
        found.push(...body.spans.map(({ id }: Listed) => id));
        cursor = body.next_cursor === null ? '' : `&cursor=${body.next_cursor}`;
      } while (cursor !== '');
      assert.deepEqual(found, expected);
    }
    assert.equal((await related(alice, subject, '&who=odd')).length, 3);
    assert.equal((await related(alice, subject, `&since=${all[6]?.at}`)).length >= 1, true);
    assert.deepEqual(
      (await related(alice, subject, '&order=feed')).map(({ id }) => id),
      ids,
    );
  });

  it('reveals no more than the spans themselves', async () => {
    const subject = randomUUID();
    const mine = await append(alice, { related_to: [subject], visibility: 'private' });
    const ours = await append(alice, { related_to: [subject], visibility: 'tenant' });
    const everyones = await append(alice, { related_to: [subject], visibility: 'public' });
    const ids = async (token: string): Promise<string[]> =>
      (await related(token, subject)).map(({ id }) => id);
    assert.deepEqual(await ids(alice), [everyones.id, ours.id, mine.id]);
    assert.deepEqual(await ids(bob), [everyones.id, ours.id]);
    assert.deepEqual(await ids(stranger), [everyones.id]);
    await withClient(stage0.database.appUrl, async (client) => {
      const { rows } = await client.query('SELECT span_id FROM app.span_relation WHERE related_id = $1', [
        subject,
      ]);
      assert.deepEqual(rows, [{ span_id: everyones.id }]);
    });
  });

  it('lists a span that names the same one twice once, each version separately, and none once deleted', async () => {
    const subject = randomUUID();
    const first = await append(alice, { related_to: [subject, subject] });
    await append(alice, { id: first.id, seq: 1, related_to: [subject] });
    assert.deepEqual(
      (await related(alice, subject)).map(({ seq }) => seq),
      [1, 0],
    );
    await append(alice, { id: first.id, seq: 2, is_deleted: true });
    assert.deepEqual(await related(alice, subject), []);
  });

  it('is kept by the database alone: logline_app cannot write it', async () => {
    await withClient(stage0.database.appUrl, async (client) => {
      for (const text of [
        `INSERT INTO app.span_relation VALUES (gen_random_uuid(), 'public', now(), gen_random_uuid(), 0)`,
        'DELETE FROM app.span_relation',
        'UPDATE app.span_relation SET seq = 1',
      ]) {
        await assert.rejects(client.query(text), { code: '42501' }, text);
      }
    });
  });
});
