import type { FromSchema } from 'json-schema-to-ts';
import type { JsonValue } from '../base/span';
import { ANY_JSON, TEXT, UUID, WORD } from './span-schema';

// The events that start kernels, as JSON Schema 2020-12. `host/kernel-table.ts` says which kernel takes which. The host
// validates every event before the kernel's `main` gets it, typed as here.

/** The type of the events that a schema accepts. */
export type EventOf<Schema extends object> = WithInput<FromSchema<Schema>>;

/** Narrows `input`, which is `unknown` by its schema, to JSON. */
type WithInput<Event> = 'input' extends keyof Event
  ? Omit<Event, 'input'> & { readonly input?: JsonValue }
  : Event;

/**
 * Why a kernel was started: `schedule` (a tick), `midnight_ruler` (the nightly round), `execute` (an API call) or
 * `request` (the request worker). The ledger has it as `metadata.trigger` of an execution, and as `input.trigger` of
 * the observer's requests: `schedule`, or `scheduled` in spans of earlier releases for functions that run once.
 */
const trigger = <const T extends string>(...of: T[]) => ({ enum: of }) as const;

/** The event of kernels that tick. */
export const TICK_EVENT = {
  type: 'object',
  properties: { trigger: trigger('schedule') },
  additionalProperties: false,
} as const;

/** The event of run_code for the nightly round. */
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

/** Members of a run's event that the host and the request worker set; callers cannot. */
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

/** The event of run_code for a caller or a request. */
export const RUN_CODE_EVENT = {
  type: 'object',
  required: ['function_id'],
  properties: { ...RUN, function_id: UUID },
  additionalProperties: false,
} as const;

export type RunCodeEvent = EventOf<typeof RUN_CODE_EVENT>;

/** The event of provider_exec; it has either `provider_id` or `provider`, a name. */
export const PROVIDER_EXEC_EVENT = {
  type: 'object',
  properties: { ...RUN, provider_id: UUID, provider: { ...TEXT, minLength: 1 } },
  additionalProperties: false,
} as const;

export type ProviderExecEvent = EventOf<typeof PROVIDER_EXEC_EVENT>;
