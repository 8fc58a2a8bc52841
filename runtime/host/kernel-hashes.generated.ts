// Made from the kernels' sources by npm run generate.
export const KERNEL_HASHES = {
  run_code: '32aa707640b5689c2a75d2b5db30398f9ddff2640b390f54f01b252ab25f2cd8',
  observer_bot: '504cf6e3db2408066bc9ada6f95acb18fb5499cb4bb6377d934eeeadc7b855f5',
  request_worker: '6d5a186c91aebd76183d0b959ca39cefb967d30c14a591b779f3bd6cfa637298',
  policy_agent: '7b3ac186209456f6a140b57fa1564560bcf85d2bd5e8cdd55caea283084cec6b',
  provider_exec: '64948d0d1de0cfcd57ead18b1db0ecb620c72058a354f6a6c12d07400e086edb',
} as const;
