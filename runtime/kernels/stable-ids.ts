/** Ids of the kernels by name. An id never changes; `host/kernel-table.ts` has all else about a kernel. */
export const KERNEL_IDS = {
  run_code: '00000000-0000-4000-8000-000000000001',
  observer_bot: '00000000-0000-4000-8000-000000000002',
  request_worker: '00000000-0000-4000-8000-000000000003',
  policy_agent: '00000000-0000-4000-8000-000000000004',
  provider_exec: '00000000-0000-4000-8000-000000000005',
} as const;

/** The name of a kernel. */
export type KernelName = keyof typeof KERNEL_IDS;

/** The function that decides deliverables and contracts every night. */
export const MIDNIGHT_RULER_ID = '00000000-0000-4000-8000-000000000006';
/** The span that lists kernels, boot allow-list, quotas and thresholds. */
export const KERNEL_MANIFEST_ID = '00000000-0000-4000-8000-0000000000aa';

/** The kernel with this id, if it is one. */
export function kernelOf(id: string): KernelName | undefined {
  return (Object.keys(KERNEL_IDS) as KernelName[]).find((name) => KERNEL_IDS[name] === id);
}
