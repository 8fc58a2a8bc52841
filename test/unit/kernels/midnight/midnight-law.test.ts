import assert from 'node:assert/strict';
import { decide, type Night, type Subject } from '../../../../runtime/kernels/midnight/midnight-law';

/** Midnight that begins Sunday 29 March 2026 in Paris, whose night has 23 hours. */
const NIGHT: Night = {
  scheduledFor: '2026-03-28T23:00:00.000Z',
  ms: Date.parse('2026-03-28T23:00:00.000Z'),
  localDate: '2026-03-29',
  heldUntil: '2026-03-29T22:00:00.000Z',
};

/** A subject as returned by the ruler's query, from a user's metadata. */
function subject(metadata: Readonly<Record<string, unknown>>): Subject {
  const typeOf = (value: unknown) =>
    value === undefined ? null : value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
  const textOf = (value: unknown) => (value === undefined || value === null ? null : String(value));
  const { accepted, approvals, quorum, deadline, evidence } = metadata;
  return {
    id: 'subject',
    seq: 0,
    bytes: 100,
    accepted: accepted === true,
    has_evidence: evidence !== undefined,
    approvals_type: typeOf(approvals),
    approvals: Array.isArray(approvals) ? String(approvals.length) : textOf(approvals),
    quorum_type: typeOf(quorum),
    quorum: textOf(quorum),
    deadline_type: typeOf(deadline),
    deadline: textOf(deadline),
  };
}

interface Row {
  readonly rule: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly held?: string;
  /** `verdict/reason`, `nothing`, or `broken`. */
  readonly expected: string;
}

const PAST = '2026-03-27';

const ROWS: readonly Row[] = [
  { rule: 'accepted is ok', metadata: { accepted: true }, expected: 'ok/accepted' },
  {
    rule: 'accepted is ok after the deadline too',
    metadata: { accepted: true, deadline: PAST },
    expected: 'ok/accepted',
  },
  {
    rule: 'accepted is ok whatever else is broken',
    metadata: { accepted: true, deadline: 'x', quorum: 'y' },
    expected: 'ok/accepted',
  },
  { rule: 'only the value true accepts', metadata: { accepted: 'true' }, expected: 'nothing' },
  {
    rule: 'a list of approvals is counted',
    metadata: { approvals: ['a', 'b'], quorum: 2 },
    expected: 'ok/quorum_reached',
  },
  {
    rule: 'a number of approvals counts',
    metadata: { approvals: 3, quorum: 2 },
    expected: 'ok/quorum_reached',
  },
  { rule: 'one approval too few is not enough', metadata: { approvals: 1, quorum: 2 }, expected: 'nothing' },
  { rule: 'approvals without a quorum mean nothing', metadata: { approvals: 9 }, expected: 'nothing' },
  { rule: 'a quorum without approvals is not reached', metadata: { quorum: 1 }, expected: 'nothing' },
  { rule: 'a quorum below one is broken', metadata: { approvals: 0, quorum: 0 }, expected: 'broken' },
  {
    rule: 'a quorum that is no number is broken',
    metadata: { approvals: 2, quorum: '2' },
    expected: 'broken',
  },
  {
    rule: 'approvals that cannot be counted are broken',
    metadata: { approvals: 'many', quorum: 2 },
    expected: 'broken',
  },
  { rule: 'without a deadline nothing is due', metadata: {}, expected: 'nothing' },
  { rule: 'a null deadline is none', metadata: { deadline: null }, expected: 'nothing' },
  {
    rule: 'a date ends with its local day: yesterday is over at this midnight',
    metadata: { deadline: '2026-03-28' },
    expected: 'doubt/deadline_passed_evidence_missing',
  },
  {
    rule: 'today is not over at its own midnight',
    metadata: { deadline: '2026-03-29' },
    expected: 'nothing',
  },
  {
    rule: 'a moment at the very midnight has passed',
    metadata: { deadline: '2026-03-29T00:00:00+01:00' },
    expected: 'doubt/deadline_passed_evidence_missing',
  },
  {
    rule: 'a moment behind the midnight has not',
    metadata: { deadline: '2026-03-28T23:00:00.001Z' },
    expected: 'nothing',
  },
  {
    rule: 'evidence without acceptance is not enough',
    metadata: { deadline: PAST, evidence: ['photo'] },
    expected: 'not/deadline_passed_not_accepted',
  },
  {
    rule: 'whoever is held is left alone until the hold is over',
    metadata: { deadline: PAST },
    held: '2026-03-28T23:00:00.001Z',
    expected: 'nothing',
  },
  {
    rule: 'a hold that is over ends it',
    metadata: { deadline: PAST },
    held: '2026-03-28T23:00:00.000Z',
    expected: 'not/deadline_passed_hold_over',
  },
  {
    rule: 'evidence that came during the hold, without acceptance, ends it',
    metadata: { deadline: PAST, evidence: 'late' },
    held: '2026-03-28T23:00:00.000Z',
    expected: 'not/deadline_passed_not_accepted',
  },
  ...[
    'soon',
    '',
    '2026-02-30',
    '2026-13-01',
    '2026-3-1',
    '2026-02-30T10:00:00Z',
    '2026-03-28T10:00:00',
    '28/03/2026',
  ].map(
    (deadline): Row => ({
      rule: `a deadline that is no moment is broken: ${deadline}`,
      metadata: { deadline },
      expected: 'broken',
    }),
  ),
  { rule: 'a deadline that is a number is broken', metadata: { deadline: 1774738800 }, expected: 'broken' },
];

describe('law of the midnight ruler', () => {
  for (const { rule, metadata, held, expected } of ROWS) {
    it(rule, () => {
      const ruling = decide(subject(metadata), NIGHT, held);
      const said =
        ruling === null
          ? 'nothing'
          : typeof ruling === 'string'
            ? 'broken'
            : `${ruling.verdict}/${ruling.reason}`;
      assert.equal(said, expected);
    });
  }

  it('each verdict has its status', () => {
    const statusOf = (metadata: Readonly<Record<string, unknown>>) => {
      const ruling = decide(subject(metadata), NIGHT, undefined);
      return ruling !== null && typeof ruling === 'object' ? ruling.status : undefined;
    };
    assert.equal(statusOf({ accepted: true }), 'accepted');
    assert.equal(statusOf({ deadline: PAST }), 'under_review');
    assert.equal(statusOf({ deadline: PAST, evidence: 'x' }), 'terminated');
  });
});
