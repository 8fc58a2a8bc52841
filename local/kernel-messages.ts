import type { Identity } from '../runtime/base/identity';
import type { JsonValue } from '../runtime/base/span';
import type { DatabaseOptions } from '../runtime/db/database-options';
import type { RoleKey } from '../runtime/db/roles';
import type { KernelOutcome } from '../runtime/kernels/kernel-context';
import { KERNEL_IDS, type KernelName } from '../runtime/kernels/stable-ids';

/** A request of 4 MiB, within JSON; an outcome carries one span and its result. */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024;
export const MAX_WAITING_BYTES = 4 * MAX_FRAME_BYTES;
/** Runs that the API has under way with the kernels at a time. */
export const MAX_CALLS = 500;

/** What the API tells the kernels. */
export type ToKernels =
  /** Comes first, and once: the database of the run, by role. */
  | { readonly type: 'start'; readonly database: Readonly<Partial<Record<RoleKey, DatabaseOptions>>> }
  | {
      readonly type: 'invoke';
      readonly call: number;
      readonly kernel: KernelName;
      readonly identity: Identity;
      readonly event: JsonValue;
    }
  /** Nobody waits for the outcome of a call any more; it is told all the same. */
  | { readonly type: 'cancel'; readonly call: number }
  /** Spans were committed, so there is something to seal. */
  | { readonly type: 'committed' }
  /** End: start nothing new, break off what runs. */
  | { readonly type: 'stop' };

/** What the kernels tell the API. */
export type FromKernels =
  | { readonly type: 'ready' }
  /** They cannot start, in one line for the person at the terminal. */
  | { readonly type: 'failed'; readonly message: string }
  /** A warning for the person at the terminal. */
  | { readonly type: 'trouble'; readonly message: string }
  /** A run in the sandbox ended. */
  | ({ readonly type: 'ran' } & SandboxEnd)
  | { readonly type: 'outcome'; readonly call: number; readonly outcome: KernelOutcome };

/** How a run in the sandbox ended: no word of who ran what. */
export interface SandboxEnd {
  /** `ok`, or the code of the error. */
  readonly outcome: string;
  /** Whether its worker thread had to be given up. */
  readonly isKilled: boolean;
}

type Members = Readonly<Record<string, unknown>>;

const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isKernelName = (value: string): value is KernelName => Object.hasOwn(KERNEL_IDS, value);

function fault(what: string): never {
  throw new TypeError(`a message between API and kernels is not what it should be: ${what}`);
}

/** @throws TypeError for anything that is not one of the messages */
export function parseToKernels(value: unknown): ToKernels {
  if (!isMembers(value)) return fault('no object');
  switch (value.type) {
    case 'start':
      if (!isMembers(value.database) || !Object.values(value.database).every(isMembers)) fault('start');
      // Written by the process that started this one, from its own LocalDatabase.
      return { type: 'start', database: value.database as Record<RoleKey, DatabaseOptions> };
    case 'invoke': {
      const { call, kernel, identity, event } = value;
      if (typeof call !== 'number' || typeof kernel !== 'string' || !isKernelName(kernel))
        return fault('invoke');
      if (!isMembers(identity) || typeof identity.user !== 'string' || typeof identity.tenant !== 'string')
        return fault('identity');
      const { user, tenant } = identity;
      // Whatever JSON.parse gives is JSON.
      return {
        type: 'invoke',
        call,
        kernel,
        identity: { user, tenant },
        event: (event ?? null) as JsonValue,
      };
    }
    case 'cancel':
      if (typeof value.call !== 'number') return fault('cancel');
      return { type: 'cancel', call: value.call };
    case 'committed':
    case 'stop':
      return { type: value.type };
    default:
      return fault(String(value.type));
  }
}

/** @throws TypeError for anything that is not one of the messages */
export function parseFromKernels(value: unknown): FromKernels {
  if (!isMembers(value)) return fault('no object');
  switch (value.type) {
    case 'ready':
      return { type: 'ready' };
    case 'failed':
    case 'trouble':
      if (typeof value.message !== 'string') return fault(value.type);
      return { type: value.type, message: value.message };
    case 'ran': {
      const { outcome, isKilled } = value;
      if (typeof outcome !== 'string' || typeof isKilled !== 'boolean') return fault('ran');
      return { type: 'ran', outcome, isKilled };
    }
    case 'outcome':
      if (typeof value.call !== 'number' || !isOutcome(value.outcome)) return fault('outcome');
      return { type: 'outcome', call: value.call, outcome: value.outcome };
    default:
      return fault(String(value.type));
  }
}

/** The parts by which the API tells how a run ended; its content is what the kernels made it. */
function isOutcome(value: unknown): value is KernelOutcome {
  if (!isMembers(value) || typeof value.ok !== 'boolean') return false;
  if (value.execution !== null && !isMembers(value.execution)) return false;
  if (value.ok) return 'result' in value;
  return (
    isMembers(value.error) && typeof value.error.code === 'string' && typeof value.error.message === 'string'
  );
}
