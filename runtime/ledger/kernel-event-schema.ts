import type { FromSchema } from 'json-schema-to-ts';
import type { JsonValue } from '../base/span';
import { ANY_JSON, TEXT, UUID, WORD } from './span-schema';

// What kernels are started with, as JSON Schema 2020-12. `host/kernel-table.ts` says which kernel takes which; the host
// parses every event before the kernel sees it, whose `main` takes the type that stands here.

/** What a schema takes. */
export type EventOf<Schema extends object> = WithInput<FromSchema<Schema>>;

/** `ANY_JSON` is unknown to the compiler; JSON is what an event is made of. */
type WithInput<Event> = 'input' extends keyof Event
  ? Omit<Event, 'input'> & { readonly input?: JsonValue }
  : Event;

/**
 * Why a kernel was started: `schedule` (a tick), `midnight_ruler` (the nightly round), `execute` (somebody calls the
 * API) or `request` (the request worker). In the ledger it is `metadata.trigger` of an execution, and `input.trigger`
 * of a request that the observer made: `schedule`, which spans of earlier releases spell `scheduled` for functions that
 * run once.
 */
const trigger = <const T extends string>(...of: T[]) => ({ enum: of }) as const;

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

export type MidnightEvent = EventOf<typeof MIDNIGHT_EVENT>;

/** What the starter of a run says of it: the host and the request worker set these, callers cannot. */
const RUN = {
  input: ANY_JSON,
  trace_id: WORD,
  parent_span_id: {
    ...TEXT,
    description: 'Below which span of the trace the run goes, as W3C Trace Context has it.',
  },
  request_id: UUID,
  attempt: { type: 'integer', minimum: 1, maximum: 1_000_000 },
  trigger: trigger('execute', 'request'),
} as const;

/** run_code, started by or for somebody. */
export const RUN_CODE_EVENT = {
  type: 'object',
  required: ['function_id'],
  properties: { ...RUN, function_id: UUID },
  additionalProperties: false,
} as const;

export type RunCodeEvent = EventOf<typeof RUN_CODE_EVENT>;

/** provider_exec: one of `provider_id` and `provider`, a name. */
export const PROVIDER_EXEC_EVENT = {
  type: 'object',
  properties: { ...RUN, provider_id: UUID, provider: { ...TEXT, minLength: 1 } },
  additionalProperties: false,
} as const;

export type ProviderExecEvent = EventOf<typeof PROVIDER_EXEC_EVENT>;
