import assert from 'node:assert/strict';
import type { JsonValue, SignedSpan } from '../../runtime/base/span';
import { MIDNIGHT_RULER_ID } from '../../runtime/kernels/stable-ids';
import { verifySpan } from '../../runtime/ledger/span-signature';
import { type Poster, posterOf } from '../support/poster';
import { createTestKernels, type TestKernels } from '../support/test-kernels';

/** Midnights in Paris, in UTC. */
const MARCH_29 = '2026-03-28T23:00:00.000Z';
const MARCH_30 = '2026-03-29T22:00:00.000Z';
const MARCH_31 = '2026-03-30T22:00:00.000Z';
const OCTOBER_25 = '2026-10-24T22:00:00.000Z';
const OCTOBER_26 = '2026-10-25T23:00:00.000Z';

describe('midnight', () => {
  let kernels: TestKernels;
  let alice: Poster;
  let tenants = 0;
  before(async () => {
    kernels = await createTestKernels();
  });
  after(() => kernels.close());
  // Each test has its own tenant.
  beforeEach(async () => {
    tenants += 1;
    alice = await posterOf(kernels, 'alice', `tenant-${tenants}`);
  });

  const due = (metadata: JsonValue, more: object = {}) =>
    alice.post({ entity_type: 'deliverable', status: 'active', metadata, ...more });

  async function night(scheduledFor: string): Promise<{ readonly [name: string]: number }> {
    const event = { trigger: 'midnight_ruler', scheduled_for: scheduledFor };
    const outcome = await kernels.tick('midnight_ruler', event);
    assert.equal(outcome.outcome, 'ok', JSON.stringify(outcome));
    return outcome.outcome === 'ok' ? (outcome.result as { readonly [name: string]: number }) : {};
  }

  async function statusesOf(subjects: readonly SignedSpan[], poster = alice) {
    const newest = await Promise.all(subjects.map(({ id }) => poster.latest(id)));
    return newest.map(({ seq, status }) => `${seq} ${status}`);
  }

  async function decisionsOn(subject: SignedSpan, poster = alice) {
    const spans = await poster.list(`entity_type=law.decision&parent_id=${subject.id}&order=feed`);
    return spans.map(({ status, metadata }) => {
      const { local_date: date, reason } = metadata as {
        readonly local_date: string;
        readonly reason: string;
      };
      return `${date} ${status} ${reason}`;
    });
  }

  it('ok, doubt and not: a decision and the next version of the subject, together', async () => {
    const subjects = await Promise.all([
      due({ accepted: true, deadline: '2026-03-01' }),
      due({ approvals: ['bob', 'eve'], quorum: 2, deadline: '2027-01-01' }),
      due({ deadline: '2026-03-28' }),
      due({ deadline: '2026-03-28', evidence: ['https://example.org/photo'] }),
      due({ deadline: '2026-03-29' }),
      due({}),
    ]);
    await night(MARCH_29);
    assert.deepEqual(await statusesOf(subjects), [
      '1 accepted',
      '1 accepted',
      '1 under_review',
      '1 terminated',
      '0 active',
      '0 active',
    ]);
    assert.deepEqual(await Promise.all(subjects.map((subject) => decisionsOn(subject))), [
      ['2026-03-29 ok accepted'],
      ['2026-03-29 ok quorum_reached'],
      ['2026-03-29 doubt deadline_passed_evidence_missing'],
      ['2026-03-29 not deadline_passed_not_accepted'],
      [],
      [],
    ]);
  });

  it('the next version keeps the content, follows the one before, and both spans verify', async () => {
    const content = {
      entity_type: 'contract',
      visibility: 'tenant' as const,
      name: 'c',
      description: 'a contract',
      code: 'x',
      input: { a: [1, null] },
      output: 'o',
      related_to: ['01900000-0000-7000-8000-000000000001'],
      trace_id: 't1',
    };
    const subject = await due({ accepted: true, nested: { deep: ['ü', 1.5] } }, content);
    await night(MARCH_29);
    const { seq, status, prev_hash, at, curr_hash, signature, public_key, ...kept } = await alice.latest(
      subject.id,
    );
    assert.deepEqual([seq, status, prev_hash], [1, 'accepted', subject.curr_hash]);
    for (const [name, value] of Object.entries(kept)) {
      assert.deepEqual(value, (subject as unknown as Record<string, unknown>)[name], name);
    }
    assert.deepEqual(
      Object.keys(kept).sort(),
      Object.keys(subject)
        .filter((name) => name in kept)
        .sort(),
    );
    assert.deepEqual(verifySpan({ ...kept, seq, status, prev_hash, at, curr_hash, signature, public_key }), {
      ok: true,
    });
    const [decision] = await alice.list(`entity_type=law.decision&related_to=${subject.id}`);
    assert.ok(decision);
    assert.equal(decision.who, 'midnight_ruler');
    assert.equal(decision.this, subject.id);
    assert.equal(decision.visibility, 'tenant');
    assert.deepEqual(decision.metadata, {
      verdict: 'ok',
      reason: 'accepted',
      local_date: '2026-03-29',
      scheduled_for: MARCH_29,
      subject_seq: 0,
    });
  });

  it('a repeated night decides nothing again, whichever caller runs it', async () => {
    const held = await due({ deadline: '2026-03-20' });
    await night(MARCH_29);
    const before = await decisionsOn(held);
    await night(MARCH_29);
    const direct = await kernels.call(`/api/execute/${MIDNIGHT_RULER_ID}`, {
      token: alice.token,
      body: { input: { trigger: 'midnight_ruler', scheduled_for: MARCH_29 } },
    });
    assert.equal(direct.status, 200, JSON.stringify(direct.body));
    assert.equal(direct.body.result.decided_before, 1);
    assert.deepEqual(await decisionsOn(held), before);
    assert.deepEqual(await statusesOf([held]), ['1 under_review']);
  });

  it('a date decides once, even when the subject was changed after its decision', async () => {
    const subject = await due({ deadline: '2026-03-20' });
    await night(MARCH_29);
    const held = await alice.latest(subject.id);
    await alice.revise(held, { status: 'active', metadata: { deadline: '2026-03-20', accepted: true } });
    await night(MARCH_29);
    assert.deepEqual(await statusesOf([subject]), ['2 active']);
    await night(MARCH_30);
    assert.deepEqual(await decisionsOn(subject), [
      '2026-03-29 doubt deadline_passed_evidence_missing',
      '2026-03-30 ok accepted',
    ]);
  });

  for (const [day, first, second] of [
    ['the day of 23 hours', MARCH_29, MARCH_30],
    ['the day of 25 hours', OCTOBER_25, OCTOBER_26],
  ] as const) {
    it(`${day}: held from its midnight to the next, no sooner, no later`, async () => {
      const dueBefore = new Date(Date.parse(first) - 1).toISOString();
      const held = await due({ deadline: dueBefore });
      await night(first);
      assert.deepEqual(await statusesOf([held]), ['1 under_review']);
      // 23:59 of the same local date, which stands for any time of that date.
      const lastMinute = new Date(Date.parse(second) - 60_000).toISOString();
      await night(lastMinute);
      assert.deepEqual(await statusesOf([held]), ['1 under_review']);
      await night(second);
      assert.deepEqual(await statusesOf([held]), ['2 terminated']);
      const dates = (await decisionsOn(held)).map((decision) => decision.slice(0, 10));
      assert.deepEqual(dates, [
        first === MARCH_29 ? '2026-03-29' : '2026-10-25',
        first === MARCH_29 ? '2026-03-30' : '2026-10-26',
      ]);
    });
  }

  it('evidence or acceptance during the hold changes the decision', async () => {
    const subjects = await Promise.all([
      due({ deadline: '2026-03-20' }),
      due({ deadline: '2026-03-20' }),
      due({ deadline: '2026-03-20' }),
    ]);
    await night(MARCH_29);
    const [accepted, extended] = await Promise.all(subjects.map(({ id }) => alice.latest(id)));
    assert.ok(accepted && extended);
    await alice.revise(accepted, { metadata: { deadline: '2026-03-20', evidence: 'x', accepted: true } });
    await alice.revise(extended, { metadata: { deadline: '2026-03-29' } });
    await night(MARCH_30);
    // A new deadline that has passed gets its own hold.
    assert.deepEqual(await statusesOf(subjects), ['3 accepted', '3 under_review', '2 terminated']);
    await night(MARCH_31);
    assert.deepEqual(await statusesOf(subjects), ['3 accepted', '4 terminated', '2 terminated']);
  });

  it('a late run judges by its midnight, not by the clock', async () => {
    const later = await due({ deadline: '2026-03-29T08:00:00+02:00' });
    await night(MARCH_29);
    assert.deepEqual(await statusesOf([later]), ['0 active']);
  });

  it('missed nights are caught up by one round, and its holds last a real day', async () => {
    const overdue = await due({ deadline: '2026-01-05' });
    await night(MARCH_29);
    assert.deepEqual(await statusesOf([overdue]), ['1 under_review']);
    await night(MARCH_31);
    assert.deepEqual(await decisionsOn(overdue), [
      '2026-03-29 doubt deadline_passed_evidence_missing',
      '2026-03-31 not deadline_passed_hold_over',
    ]);
    const { rows } = await kernels.look('SELECT local_date::text FROM app.ruling_night ORDER BY 1');
    assert.ok(rows.some(({ local_date }) => local_date === '2026-03-31'));
  });

  it('a subject that cannot be decided is reported, and the others are decided', async () => {
    const deadlines = ['soon', 7, '2026-02-30', { at: '2026-01-01' }, 'x'.repeat(50_000)];
    const broken = await Promise.all(deadlines.map((deadline) => due({ deadline })));
    const good = await due({ deadline: '2026-03-01', evidence: 'x' });
    await night(MARCH_29);
    assert.deepEqual(await statusesOf([...broken, good]), [...broken.map(() => '0 active'), '1 terminated']);
    const [execution] = await alice.list('entity_type=execution');
    assert.ok(execution);
    const { broken: reported } = execution.output as { readonly broken: readonly { readonly id: string }[] };
    assert.deepEqual(reported.map(({ id }) => id).sort(), broken.map(({ id }) => id).sort());
  });

  it('deleted, ended and other spans are left alone', async () => {
    const metadata = { deadline: '2026-01-01', accepted: true };
    const deleted = await due(metadata);
    await alice.revise(deleted, { is_deleted: true });
    const draft = await due(metadata, { status: 'draft' });
    const order = await due(metadata, { entity_type: 'order' });
    await night(MARCH_29);
    const named = { subject_ids: [deleted.id, draft.id, order.id] };
    const answer = await kernels.call(`/api/execute/${MIDNIGHT_RULER_ID}`, {
      token: alice.token,
      body: { input: { trigger: 'midnight_ruler', scheduled_for: MARCH_29, ...named } },
    });
    assert.equal(answer.body.result.accepted, 0, JSON.stringify(answer.body));
    assert.deepEqual(await statusesOf([deleted, draft, order]), ['1 active', '0 draft', '0 active']);
  });

  it('a caller cannot rule on the subjects of another owner, whatever their visibility', async () => {
    const open = await due({ accepted: true }, { visibility: 'public' });
    for (const [user, tenant] of [
      ['mallory', 'elsewhere'],
      ['bob', `tenant-${tenants}`],
    ] as const) {
      const other = await posterOf(kernels, user, tenant);
      const answer = await kernels.call(`/api/execute/${MIDNIGHT_RULER_ID}`, {
        token: other.token,
        body: { input: { trigger: 'midnight_ruler', scheduled_for: MARCH_29, subject_ids: [open.id] } },
      });
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      assert.equal(answer.body.result.accepted, 0);
      assert.deepEqual(answer.body.result.broken, []);
    }
    assert.deepEqual(await statusesOf([open]), ['0 active']);
    await night(MARCH_29);
    const latest = await alice.latest(open.id);
    assert.deepEqual(
      [latest.status, latest.owner_id, latest.tenant_id],
      ['accepted', 'alice', open.tenant_id],
    );
  });

  it('two rounds of the same night at once decide each subject of many owners exactly once', async () => {
    const posters = [
      alice,
      await posterOf(kernels, 'bob', `tenant-${tenants}`),
      await posterOf(kernels, 'alice', 'third'),
    ];
    const posted = await Promise.all(
      posters.map((poster, index) =>
        poster.postAll(
          Array.from({ length: index === 0 ? 230 : 5 }, () => ({
            entity_type: 'contract',
            metadata: { deadline: '2026-03-01', evidence: 'x' },
          })),
        ),
      ),
    );
    const event = { trigger: 'midnight_ruler', scheduled_for: MARCH_29 };
    // Bypasses the schedule's single flight, as two operators could.
    await Promise.all([kernels.host.run('run_code', event), kernels.host.run('run_code', event)]);
    await night(MARCH_29);
    for (const [index, poster] of posters.entries()) {
      const subjects = posted[index] ?? [];
      const decisions = await poster.list('entity_type=law.decision');
      const own = decisions.filter(({ owner_id }) => owner_id === subjects[0]?.owner_id);
      const ruled = own
        .map(({ this: subject }) => subject)
        .filter((id) => subjects.some((one) => one.id === id));
      assert.deepEqual(ruled.sort(), subjects.map(({ id }) => id).sort());
      assert.ok(
        (await statusesOf(subjects.slice(0, 10), poster)).every((status) => status === '1 terminated'),
      );
    }
  });

  it('a round that runs out of time reports it, and the next one resumes where it stopped', async () => {
    const subject = await due({ accepted: true });
    const event = { trigger: 'midnight_ruler', scheduled_for: MARCH_29 };
    await assert.rejects(
      kernels.host.run('run_code', event, { timeoutMs: 1_000 }),
      /not over: time ran short/,
    );
    assert.deepEqual(await statusesOf([subject]), ['0 active']);
    assert.equal((await night(MARCH_29)).accepted, 1);
  });

  it('an input of another form is refused with the form that is expected', async () => {
    for (const [input, why] of [
      [{}, /scheduled_for must be an RFC 3339 timestamp/],
      [{ scheduled_for: '2026-02-30T00:00:00Z' }, /scheduled_for/],
      [{ scheduled_for: MARCH_29, subject_ids: ['x'] }, /subject_ids must be a list of at most 100 UUIDs/],
    ] as const) {
      const answer = await kernels.call(`/api/execute/${MIDNIGHT_RULER_ID}`, {
        token: alice.token,
        body: { input },
      });
      assert.equal(answer.status, 422, JSON.stringify(answer.body));
      assert.match(answer.body.error.message, why);
    }
  });
});
