// Made from runtime/host/kernel-table.ts by npm run generate.
import type { KernelName } from '../runtime/kernels/stable-ids';
import type { HandlerFactory } from './function';

export const KERNEL_HANDLERS: Readonly<Record<KernelName, HandlerFactory>> = {
  run_code: () => require('logline-kernels').createHandler('run_code'),
  observer_bot: () => require('logline-kernels').createHandler('observer_bot'),
  request_worker: () => require('logline-kernels').createHandler('request_worker'),
  policy_agent: () => require('logline-kernels').createHandler('policy_agent'),
  provider_exec: () => require('logline-kernels').createHandler('provider_exec'),
};
