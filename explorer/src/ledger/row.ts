import { brief } from '../text';
import type { Span } from './ledger';
import type { SpanCheck } from './span-check';

/** The part of a span that a table shows, which keeps ten thousand: a whole span may be 1 MiB. */
export interface Row {
  /** `<id>/<seq>`. */
  readonly key: string;
  readonly id: string;
  readonly seq: number;
  readonly at: string;
  readonly entityType: string;
  readonly who: string;
  readonly did: string;
  readonly this: string;
  readonly status: string;
  readonly visibility: string;
  readonly owner: string;
  readonly durationMs: number | undefined;
  readonly isDeleted: boolean;
  /** Undefined until checked. */
  check: SpanCheck | undefined;
}

export function rowOf(span: Span): Row {
  return {
    key: `${span.id}/${span.seq}`,
    id: span.id,
    seq: span.seq,
    at: span.at,
    entityType: brief(span.entity_type, 60),
    who: brief(span.who, 60),
    did: brief(span.did ?? '', 60),
    this: brief(span.this),
    status: brief(span.status ?? '', 40),
    visibility: span.visibility,
    owner: brief(`${span.owner_id}@${span.tenant_id}`, 60),
    durationMs: span.duration_ms ?? undefined,
    isDeleted: span.is_deleted,
    check: undefined,
  };
}

/** Compares rows for the ledger's order: (at, id, seq), newest first. */
export function byTime(one: Row, other: Row): number {
  if (one.at !== other.at) return one.at < other.at ? 1 : -1;
  if (one.id !== other.id) return one.id < other.id ? 1 : -1;
  return other.seq - one.seq;
}
