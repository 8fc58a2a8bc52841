import { nextDate, parisMidnight } from './paris-time';

/** The part of a subject's newest version that decides the ruling. */
export interface Subject {
  readonly id: string;
  readonly seq: number;
  readonly bytes: number;
  readonly accepted: boolean;
  readonly has_evidence: boolean;
  /** JSON types and texts of members, which may have any content. */
  readonly approvals_type: string | null;
  readonly approvals: string | null;
  readonly quorum_type: string | null;
  readonly quorum: string | null;
  readonly deadline_type: string | null;
  readonly deadline: string | null;
}

export interface Ruling {
  readonly verdict: 'ok' | 'doubt' | 'not';
  readonly status: 'accepted' | 'under_review' | 'terminated';
  readonly reason: string;
}

/** The night of a round. */
export interface Night {
  readonly scheduledFor: string;
  readonly ms: number;
  readonly localDate: string;
  readonly heldUntil: string;
}

const OK: Omit<Ruling, 'reason'> = { verdict: 'ok', status: 'accepted' };
const DOUBT: Ruling = {
  verdict: 'doubt',
  status: 'under_review',
  reason: 'deadline_passed_evidence_missing',
};
const NOT: Omit<Ruling, 'reason'> = { verdict: 'not', status: 'terminated' };

/** The ruling; null when nothing is due; a sentence when the subject cannot be decided. */
export function decide(
  subject: Subject,
  night: Night,
  heldUntil: string | undefined,
): Ruling | null | string {
  if (subject.accepted) return { ...OK, reason: 'accepted' };
  const enough = isQuorumReached(subject);
  if (typeof enough === 'string') return enough;
  if (enough) return { ...OK, reason: 'quorum_reached' };
  if (subject.deadline_type === null || subject.deadline_type === 'null') return null;
  const deadlineMs = subject.deadline_type === 'string' ? readDeadline(subject.deadline ?? '') : null;
  if (deadlineMs === null) return 'metadata.deadline is neither an RFC 3339 timestamp nor a date YYYY-MM-DD';
  if (deadlineMs > night.ms) return null;
  if (subject.has_evidence) return { ...NOT, reason: 'deadline_passed_not_accepted' };
  if (heldUntil === undefined) return DOUBT;
  return Date.parse(heldUntil) > night.ms ? null : { ...NOT, reason: 'deadline_passed_hold_over' };
}

function isQuorumReached({ approvals_type, approvals, quorum_type, quorum }: Subject): boolean | string {
  if (quorum_type === null || quorum_type === 'null') return false;
  const needed = Number(quorum);
  if (quorum_type !== 'number' || !(needed >= 1)) return 'metadata.quorum is not a number from 1 on';
  if (approvals_type === null || approvals_type === 'null') return false;
  if (approvals_type !== 'number' && approvals_type !== 'array') {
    return 'metadata.approvals is neither a number nor a list';
  }
  return Number(approvals) >= needed;
}

/** A deadline as Unix time in ms. A date means its end: the midnight in Paris that follows. */
function readDeadline(deadline: string): number | null {
  if (!/^\d{4}-\d\d-\d\d$/.test(deadline)) return timestampMs(deadline);
  return timestampMs(`${deadline}T00:00:00Z`) === null ? null : parisMidnight(nextDate(deadline));
}

/** An RFC 3339 timestamp as Unix time in ms; null for anything else, including days such as 30 February. */
export function timestampMs(text: unknown): number | null {
  const pattern = /^(\d{4}-\d\d-\d\d)[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;
  const match = typeof text === 'string' ? pattern.exec(text) : null;
  const date = match?.[1];
  if (match === null || date === undefined) return null;
  const day = Date.parse(`${date}T00:00:00Z`);
  const ms = Date.parse(match[0].toUpperCase());
  const exists = !Number.isNaN(day) && new Date(day).toISOString().slice(0, 10) === date;
  return exists && !Number.isNaN(ms) ? ms : null;
}
