import { type Identity, isSameIdentity, NOBODY } from '../base/identity';
import type { JsonValue } from '../base/span';
import { parseWith, type Validator } from '../json/parse-with';
import type { KernelContext, KernelOutcome } from '../kernels/kernel-context';
import type { KernelName } from '../kernels/stable-ids';
import type { KernelEvents } from './kernel-table';
import * as validators from './validators.generated';
import { validateMidnightEvent, validateTickMessage } from './validators.generated';

/** The compiled `event` of each row of the table: `npm run generate` names it as the kernel. */
const EVENT_VALIDATORS: Readonly<Record<KernelName, Validator>> = validators;

/** A kernel as the host starts it. */
export type Kernel = (ctx: KernelContext, event: JsonValue) => Promise<JsonValue | KernelOutcome>;

/** Wraps a kernel so that it refuses events that its row of the table does not accept. */
export function parsing<Name extends KernelName>(
  name: Name,
  main: (ctx: KernelContext, event: KernelEvents[Name]) => Promise<JsonValue | KernelOutcome>,
): Kernel {
  return async (ctx, event) => main(ctx, parseKernelEvent(name, ctx.identity, event));
}

/**
 * Validates the event of a kernel.
 * @param event null is an event without members
 * @throws MalformedError listing every fault.
 */
export function parseKernelEvent<Name extends KernelName>(
  kernel: Name,
  identity: Identity,
  event: JsonValue,
): KernelEvents[Name] {
  return parseWith(validatorOf(kernel, identity, event ?? {}), event ?? {}, `The event of ${kernel}`);
}

function validatorOf(kernel: KernelName, identity: Identity, event: JsonValue): Validator {
  // The midnight round acts for all tenants: only the schedule, which has no identity, may start it.
  const isRound = kernel === 'run_code' && isSameIdentity(identity, NOBODY) && validateMidnightEvent(event);
  return isRound ? validateMidnightEvent : EVENT_VALIDATORS[kernel];
}

/**
 * The job of a tick's message.
 * @param body of the message in SQS
 * @throws MalformedError for a message that the schedule did not send.
 */
export function jobOfTick(body: string): string {
  return parseWith<{ readonly job: string }>(validateTickMessage, jsonOrNull(body), 'The tick').job;
}

function jsonOrNull(text: string): JsonValue {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
