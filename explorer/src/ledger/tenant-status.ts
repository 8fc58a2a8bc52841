import { listOf, member, numberOf, textOf } from '../json';
import { type Ledger, LogLineError } from './ledger';

/** The answer of `GET /api/status`. */
export interface TenantStatus {
  readonly queue: {
    readonly waiting: number;
    readonly running: number;
    readonly putOff: number;
    readonly oldestWaitingS: number | undefined;
  };
  readonly schedules: readonly {
    readonly functionId: string;
    readonly owner: string;
    readonly dueAt: string;
  }[];
  readonly quota: { readonly day: string; readonly limit: number | undefined; readonly used: number };
  readonly policies: readonly PolicyLag[];
  readonly jobs: readonly {
    readonly job: string;
    readonly startedAt: string | undefined;
    readonly endedAt: string | undefined;
    readonly result: string;
  }[];
}

export interface PolicyLag {
  readonly policyId: string;
  /** Spans that it has not seen yet. */
  readonly behind: number;
  readonly lastError: { readonly spanId: string; readonly at: string; readonly code: string } | undefined;
}

/** The tenant's status; undefined for a token without the scope `admin`. */
export async function readStatus(ledger: Ledger): Promise<TenantStatus | undefined> {
  try {
    return statusOf(await ledger.get('/api/status'));
  } catch (error) {
    if (error instanceof LogLineError && [401, 403, 404].includes(error.status)) return undefined;
    throw error;
  }
}

function statusOf(body: unknown): TenantStatus {
  return {
    queue: {
      waiting: numberOf(body, 'queue', 'waiting') ?? 0,
      running: numberOf(body, 'queue', 'running') ?? 0,
      putOff: numberOf(body, 'queue', 'put_off') ?? 0,
      oldestWaitingS: numberOf(body, 'queue', 'oldest_waiting_s'),
    },
    schedules: listOf(body, 'schedules').map((one) => ({
      functionId: textOf(one, 'function_id') ?? '',
      owner: textOf(one, 'owner') ?? '',
      dueAt: textOf(one, 'due_at') ?? '',
    })),
    quota: {
      day: textOf(body, 'quota', 'day') ?? '',
      limit: numberOf(body, 'quota', 'limit'),
      used: numberOf(body, 'quota', 'used') ?? 0,
    },
    policies: listOf(body, 'policies').map((one) => ({
      policyId: textOf(one, 'policy_id') ?? '',
      behind: numberOf(one, 'behind') ?? 0,
      lastError: errorOf(member(one, 'last_error')),
    })),
    jobs: listOf(body, 'jobs').map((one) => ({
      job: textOf(one, 'job') ?? '',
      startedAt: textOf(one, 'started_at'),
      endedAt: textOf(one, 'ended_at'),
      result: textOf(one, 'result') ?? '',
    })),
  };
}

function errorOf(value: unknown): PolicyLag['lastError'] {
  const spanId = textOf(value, 'span_id');
  const at = textOf(value, 'at');
  if (spanId === undefined || at === undefined) return undefined;
  return { spanId, at, code: textOf(value, 'code') ?? 'error' };
}
