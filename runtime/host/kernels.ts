// Made from kernel-table.ts by npm run generate.
import type { JsonValue } from '../base/span';
import type { KernelContext, KernelOutcome } from '../kernels/kernel-context';
import { main as observerBot } from '../kernels/observer-bot';
import { main as policyAgent } from '../kernels/policy/policy-agent';
import { main as providerExec } from '../kernels/provider/provider-exec';
import { main as requestWorker } from '../kernels/request-worker';
import { main as runCode } from '../kernels/run-code';
import type { KernelName } from '../kernels/stable-ids';

/** What a kernel is: a function of `(ctx, event)`. */
export type Kernel = (ctx: KernelContext, event: JsonValue) => Promise<JsonValue | KernelOutcome>;

/** The kernels, as compiled from the sources whose text the ledger holds. */
export const KERNELS: Readonly<Record<KernelName, Kernel>> = {
  run_code: runCode,
  observer_bot: observerBot,
  request_worker: requestWorker,
  policy_agent: policyAgent,
  provider_exec: providerExec,
};
