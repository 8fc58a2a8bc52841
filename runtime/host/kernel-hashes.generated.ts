// Made from the kernels' sources by npm run generate.
export const KERNEL_HASHES = {
  run_code: '476f462515027c4eb79760f0b31c0882f3ea68c0fe433d6a21a35e7b40fa6535',
  observer_bot: '12ff85b5e3ece1ebd06121a342b06dbd3c674cbbe570fe51adc3a0229c4da768',
  request_worker: '4042d2437746c67ab2bb6ec5e87aa6b951cc508c2bb904c80d8bfc74daa3c9ce',
  policy_agent: '28c6cf20affa608d474d1936823f94945474418dfc3130140901b4643324c219',
  provider_exec: '3b61e68341e3fe984694dccafd62e563f55c6c75ee469e70c64917fb99bb0a5e',
} as const;
