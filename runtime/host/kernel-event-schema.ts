import { ANY_JSON, TEXT, UUID } from '../ledger/span-schema';

// What kernels are started with, as JSON Schema 2020-12. `kernel-table.ts` says which kernel takes which; an event of
// one kernel alone stands in its row.

/**
 * Why a kernel was started: `schedule` (a tick), `midnight_ruler` (the nightly round), `execute` (somebody calls the
 * API) or `request` (the request worker). In the ledger it is `metadata.trigger` of an execution, and `input.trigger`
 * of a request that the observer made: `schedule`, which spans of earlier releases spell `scheduled` for functions that
 * run once.
 */
const trigger = <T extends string>(...of: T[]) => ({ enum: of }) as const;

/** What whoever started a run says of it; the host and the request worker set these, callers cannot. */
const RUN = {
  input: ANY_JSON,
  trace_id: TEXT,
  parent_span_id: {
    ...TEXT,
    description: 'Below which span of the trace the run goes, as W3C Trace Context has it.',
  },
  request_id: UUID,
  attempt: { type: 'integer', minimum: 1, maximum: 1_000_000 },
  trigger: trigger('execute', 'request'),
} as const;

/** Kernels that tick. */
export const TICK_EVENT = {
  type: 'object',
  properties: { trigger: trigger('schedule') },
  additionalProperties: false,
} as const;

/** run_code, started by the schedule. */
export const MIDNIGHT_EVENT = {
  type: 'object',
  required: ['trigger'],
  properties: {
    trigger: trigger('midnight_ruler'),
    scheduled_for: { ...TEXT, description: 'RFC 3339; the latest midnight in Paris when missing.' },
  },
  additionalProperties: false,
} as const;

/**
 * A kernel that is started by or for somebody.
 * @param properties schemas of the members that it alone takes
 * @param required the ones of them that must be there
 */
export function requestEvent(properties: Readonly<Record<string, object>>, required: readonly string[] = []) {
  return { type: 'object', required, properties: { ...RUN, ...properties }, additionalProperties: false };
}

/** The body of a tick's message in SQS, as `infra/scheduler.ts` sends it. */
export const TICK_MESSAGE = {
  type: 'object',
  required: ['trigger', 'job'],
  properties: { trigger: trigger('schedule'), job: TEXT },
} as const;
