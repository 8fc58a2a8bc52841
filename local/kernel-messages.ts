import type { Identity } from '../runtime/base/identity';
import type { JsonValue } from '../runtime/base/span';
import type { DatabaseOptions } from '../runtime/db/database-options';
import type { RoleKey } from '../runtime/db/roles';
import type { KernelOutcome } from '../runtime/kernels/kernel-context';
import { KERNEL_IDS, type KernelName } from '../runtime/kernels/stable-ids';
import { MAX_RUNS } from '../runtime/stage0/fairness';

/** Frame limit in bytes: fits a request of 4 MiB escaped in JSON, and an outcome with a span and its result. */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024;
/** Limit of queued messages in bytes. */
export const MAX_WAITING_BYTES = 4 * MAX_FRAME_BYTES;
/** Runs that the API has under way with the kernels at a time. Stage-0 shares them out between tenants. */
export const MAX_CALLS = MAX_RUNS;

/** What the API tells the kernels. */
export type ToKernels =
  /** Comes first, and once: the database of the run, by role, and the standby that user SQL reads from, if any. */
  | {
      readonly type: 'start';
      readonly database: Readonly<Partial<Record<RoleKey, DatabaseOptions>>>;
      readonly guestReader?: DatabaseOptions | undefined;
      /** Whether its server runs on this machine, as this user or one of this user's. */
      readonly isEmbedded: boolean;
    }
  | {
      readonly type: 'invoke';
      readonly call: number;
      readonly kernel: KernelName;
      readonly identity: Identity;
      readonly event: JsonValue;
    }
  /** The caller has gone; the outcome is sent nevertheless. */
  | { readonly type: 'cancel'; readonly call: number }
  /** Spans were committed; wakes the sealer. */
  | { readonly type: 'committed' }
  /** Stop: start nothing new, abort what runs. */
  | { readonly type: 'stop' };

/** What the kernels tell the API. */
export type FromKernels =
  | { readonly type: 'ready' }
  /** The kernels cannot start; one line for the user. */
  | { readonly type: 'failed'; readonly message: string }
  /** A warning for the user. */
  | { readonly type: 'trouble'; readonly message: string }
  /** A run in the sandbox ended. */
  | ({ readonly type: 'ran' } & SandboxEnd)
  | { readonly type: 'outcome'; readonly call: number; readonly outcome: KernelOutcome };

/** Outcome of a sandbox run, without tenant or function. */
export interface SandboxEnd {
  /** `ok`, or the code of the error. */
  readonly outcome: string;
  /** Whether its worker thread was terminated. */
  readonly isKilled: boolean;
}

type Members = Readonly<Record<string, unknown>>;

const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isKernelName = (value: string): value is KernelName => Object.hasOwn(KERNEL_IDS, value);

function fault(what: string): never {
  throw new TypeError(`a message between API and kernels is not what it should be: ${what}`);
}

/** @throws TypeError for an invalid message */
export function parseToKernels(value: unknown): ToKernels {
  if (!isMembers(value)) return fault('no object');
  switch (value.type) {
    case 'start':
      if (!isMembers(value.database) || !Object.values(value.database).every(isMembers)) fault('start');
      if (value.guestReader !== undefined && !isMembers(value.guestReader)) fault('start');
      if (typeof value.isEmbedded !== 'boolean') return fault('start');
      // Trusted: the parent process sends it, from its own LocalDatabase.
      return {
        type: 'start',
        database: value.database as Record<RoleKey, DatabaseOptions>,
        guestReader: value.guestReader as DatabaseOptions | undefined,
        isEmbedded: value.isEmbedded,
      };
    case 'invoke': {
      const { call, kernel, identity, event } = value;
      if (typeof call !== 'number' || typeof kernel !== 'string' || !isKernelName(kernel))
        return fault('invoke');
      if (!isMembers(identity) || typeof identity.user !== 'string' || typeof identity.tenant !== 'string')
        return fault('identity');
      const { user, tenant } = identity;
      // JSON.parse yields JSON values only.
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

/** @throws TypeError for an invalid message */
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

/** Checks the members that the API depends on; the rest is the kernels' content. */
function isOutcome(value: unknown): value is KernelOutcome {
  if (!isMembers(value) || typeof value.ok !== 'boolean') return false;
  if (value.execution !== null && !isMembers(value.execution)) return false;
  if (value.ok) return 'result' in value;
  return (
    isMembers(value.error) && typeof value.error.code === 'string' && typeof value.error.message === 'string'
  );
}
