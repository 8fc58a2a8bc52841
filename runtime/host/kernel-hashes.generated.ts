// Made from the kernels' sources by npm run generate.
export const KERNEL_HASHES = {
  run_code: '8b597adacef0a9b03b3eab68c843153c4caf03a9eabea06dedbabb8cfd3e6b79',
  observer_bot: 'c0ecc95616db62685922799f94b0199a0bd6a10325557d09c49a3920a1b0ce0f',
  request_worker: '62d608e64e39793eb3e9fa57db07ed373034b79fd5d6817a60cba413b3791c94',
  policy_agent: '87a7eefaa2aa0c5b5d11aa4cf28e61e82d097052187a5a8521622e5b8b6cc174',
  provider_exec: '589a1b72c22c8968b2bf2392067d389243845f84d159501e62f4afe10df3dd0a',
} as const;
