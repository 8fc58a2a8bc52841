import { type Identity, isSameIdentity, NOBODY } from '../base/identity';
import type { JsonValue } from '../base/span';
import { parseWith, type Validator } from '../json/parse-with';
import type { KernelName } from '../kernels/stable-ids';
import * as validators from './validators.generated';
import { validateMidnightEvent, validateTickMessage } from './validators.generated';

/** The compiled `event` of each row of the table: `npm run generate` names it as the kernel. */
const EVENT_VALIDATORS: Readonly<Record<KernelName, Validator>> = validators;

/**
 * What a kernel is started with, once it holds nothing else than that kernel takes.
 * @param event null is an event without members
 * @throws MalformedError listing every fault.
 */
export function parseKernelEvent(kernel: KernelName, identity: Identity, event: JsonValue): JsonValue {
  return parseWith(validatorOf(kernel, identity, event ?? {}), event ?? {}, `The event of ${kernel}`);
}

function validatorOf(kernel: KernelName, identity: Identity, event: JsonValue): Validator {
  // The round decides for everybody: only the schedule, which runs as nobody, may start it.
  const isRound = kernel === 'run_code' && isSameIdentity(identity, NOBODY) && validateMidnightEvent(event);
  return isRound ? validateMidnightEvent : EVENT_VALIDATORS[kernel];
}

/**
 * Which job a tick's message is for.
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
