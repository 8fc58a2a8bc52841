// Made from the kernels' sources by npm run generate.
export const KERNEL_HASHES = {
  run_code: '3e311bddeb3da8f87a84071b4d0eb5849145f4119fd9c450419923b3d88c37d9',
  observer_bot: 'e6eff308818ada8943b3d03fd5d5c3db3393b3baf7d74507ae6a791be2256881',
  request_worker: '12d2bf2a9447acccb8042446534f7e623779cb43dc5c07b2a536bb0af2496e20',
  policy_agent: '9d2d9ac7092ef4b27b5d2a90155efbd2cca228c4460e25c930f5e70aa3a61930',
  provider_exec: 'd6c5ce2d7fe9773b1da28a4c28689a3bcac73986c0fcd3e7602d9dc87e509d0a',
} as const;
