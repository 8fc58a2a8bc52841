import { TICK_EVENT } from '../ledger/kernel-event-schema';
import { TEXT } from '../ledger/span-schema';

/** The body of a tick's message in SQS, as `infra/scheduler.ts` sends it. */
export const TICK_MESSAGE = {
  type: 'object',
  required: ['trigger', 'job'],
  properties: { ...TICK_EVENT.properties, job: TEXT },
} as const;
