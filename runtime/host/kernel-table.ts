import type { KernelName } from '../kernels/stable-ids';
import {
  type EventOf,
  type MidnightEvent,
  PROVIDER_EXEC_EVENT,
  RUN_CODE_EVENT,
  TICK_EVENT,
} from '../ledger/kernel-event-schema';
import type { IntervalCadence } from './cadence';

/** All about a kernel except its name and id, which are in `kernels/stable-ids.ts`. */
export interface KernelRow {
  /** Its source below `runtime/kernels/`, without `.ts`; `main` of that file is the kernel. */
  readonly file: string;
  /** What it does, in one sentence: of its ledger copy and of its function at AWS. */
  readonly description: string;
  /** Short name of its function for `logline logs`. */
  readonly alias: string;
  /** Its schedule; null for a kernel that runs on request only. Scheduled kernels act for all tenants. */
  readonly tick: IntervalCadence | null;
  /** JSON Schema of what it is started with, of `ledger/kernel-event-schema.ts`; `npm run generate` compiles it. */
  readonly event: object;
  /** Whether any number of its ticks may run concurrently, rather than one anywhere. Defaults to false. */
  readonly isShared?: boolean;
  /** Seconds that one invocation may take on AWS, 1–900. */
  readonly timeoutSeconds: number;
  /** Memory on AWS in MiB; `configured` for kernels that run user code, which the stack's configuration sets. */
  readonly memoryMb: number | 'configured';
  /** Kernels that it may start. */
  readonly invokes: readonly KernelName[];
  /** Secrets that it may read beside the database password and the signing key. */
  readonly secrets: readonly ('provider keys' | 'guest password')[];
}

/**
 * The one table of kernels. The generator, the boot guard, the function starter, the schedule, `infra/` and the CLI
 * read it; a new kernel is its source, its id in `kernels/stable-ids.ts` and its row here, then `npm run generate`.
 */
export const KERNEL_TABLE = {
  run_code: {
    file: 'run-code',
    description: 'Runs a function of the ledger in the sandbox and records the execution.',
    alias: 'run',
    tick: null,
    event: RUN_CODE_EVENT,
    // The midnight ruler decides 10,000 subjects in one run of run_code: it gets all that Lambda offers.
    timeoutSeconds: 900,
    memoryMb: 'configured',
    invokes: [],
    secrets: ['guest password'],
  },
  observer_bot: {
    file: 'observer-bot',
    description: 'Appends a request for each due time of a scheduled function.',
    alias: 'observer',
    tick: { kind: 'interval', everySeconds: 10 },
    event: TICK_EVENT,
    timeoutSeconds: 30,
    memoryMb: 256,
    invokes: [],
    secrets: [],
  },
  request_worker: {
    file: 'request-worker',
    description: 'Claims due requests and runs each of them.',
    alias: 'worker',
    tick: { kind: 'interval', everySeconds: 10 },
    event: TICK_EVENT,
    isShared: true,
    timeoutSeconds: 120,
    memoryMb: 'configured',
    invokes: ['run_code', 'provider_exec'],
    secrets: [],
  },
  policy_agent: {
    file: 'policy/policy-agent',
    description: 'Evaluates active policies on new spans, exactly once each.',
    alias: 'policy',
    tick: { kind: 'interval', everySeconds: 30 },
    event: TICK_EVENT,
    timeoutSeconds: 60,
    memoryMb: 'configured',
    invokes: [],
    secrets: [],
  },
  provider_exec: {
    file: 'provider/provider-exec',
    description: 'Calls the external service that a provider span describes.',
    alias: 'provider',
    tick: null,
    event: PROVIDER_EXEC_EVENT,
    timeoutSeconds: 120,
    memoryMb: 256,
    invokes: [],
    secrets: ['provider keys'],
  },
} as const satisfies Readonly<Record<KernelName, KernelRow>>;

type RowEvents = { readonly [Name in KernelName]: EventOf<(typeof KERNEL_TABLE)[Name]['event']> };

/** What each kernel is started with. */
export interface KernelEvents extends Omit<RowEvents, 'run_code'> {
  /** The schedule starts it with a round. */
  readonly run_code: RowEvents['run_code'] | MidnightEvent;
}

/** Kernels that are started by the schedule. */
export type TickKernel = {
  readonly [Name in KernelName]: (typeof KERNEL_TABLE)[Name]['tick'] extends null ? never : Name;
}[KernelName];

/** In the order of the table. */
export const KERNEL_NAMES = Object.keys(KERNEL_TABLE) as readonly KernelName[];

/** A row of the table, with the type that all rows share. */
export function kernelRow(name: KernelName): KernelRow {
  return KERNEL_TABLE[name];
}

/** Whether a kernel is started by the schedule, and so acts for all tenants. */
export function isTickKernel(name: KernelName): name is TickKernel {
  return kernelRow(name).tick !== null;
}
