// Made from kernel-table.ts by npm run generate.
import { main as observerBot } from '../kernels/observer-bot';
import { main as policyAgent } from '../kernels/policy/policy-agent';
import { main as providerExec } from '../kernels/provider/provider-exec';
import { main as requestWorker } from '../kernels/request-worker';
import { main as runCode } from '../kernels/run-code';
import type { KernelName } from '../kernels/stable-ids';
import { type Kernel, parsing } from './kernel-event';

/** The kernels, as compiled from the sources whose text the ledger holds. */
export const KERNELS: Readonly<Record<KernelName, Kernel>> = {
  run_code: parsing('run_code', runCode),
  observer_bot: parsing('observer_bot', observerBot),
  request_worker: parsing('request_worker', requestWorker),
  policy_agent: parsing('policy_agent', policyAgent),
  provider_exec: parsing('provider_exec', providerExec),
};
