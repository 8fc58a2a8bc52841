// Made from the kernels' sources by npm run generate.
export const KERNEL_HASHES = {
  run_code: '534d2ba5a310b91ae8b037c693d9d4ff98354861c91c3099d29a7354b73910f8',
  observer_bot: 'c0ecc95616db62685922799f94b0199a0bd6a10325557d09c49a3920a1b0ce0f',
  request_worker: '6da27c3bda0ce5aa0a3ef3b6733c88942fcaa7b83b2a9c3cc25bcf82800c9ca7',
  policy_agent: 'da592d9cd6a6a99db5baca8e9430eb3c98378fb9055f4fd4bedb79889e619f79',
  provider_exec: '87ff065d82705539bd307ec83f54729551ffdf41c05c38c8e1c41666a6b218d4',
} as const;
