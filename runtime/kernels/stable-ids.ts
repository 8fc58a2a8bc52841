/** Identifiers that never change (DESIGN.md section 7). */

export type KernelName = 'run_code' | 'observer_bot' | 'request_worker' | 'policy_agent' | 'provider_exec';

export const KERNEL_IDS: Readonly<Record<KernelName, string>> = {
  run_code: '00000000-0000-4000-8000-000000000001',
  observer_bot: '00000000-0000-4000-8000-000000000002',
  request_worker: '00000000-0000-4000-8000-000000000003',
  policy_agent: '00000000-0000-4000-8000-000000000004',
  provider_exec: '00000000-0000-4000-8000-000000000005',
};

export const MIDNIGHT_RULER_ID = '00000000-0000-4000-8000-000000000006';
export const KERNEL_MANIFEST_ID = '00000000-0000-4000-8000-0000000000aa';

/** The kernel with this id, if it is one. */
export function kernelOf(id: string): KernelName | undefined {
  return (Object.keys(KERNEL_IDS) as KernelName[]).find((name) => KERNEL_IDS[name] === id);
}
