// Made from the kernels' sources by npm run generate.
export const KERNEL_HASHES = {
  run_code: 'b31b12bf40ec90709712667e609deeda6c3f74d5e684b742bfb8e2131fc1c7df',
  observer_bot: 'c0ecc95616db62685922799f94b0199a0bd6a10325557d09c49a3920a1b0ce0f',
  request_worker: '9157a9b46ebdb17c326d5b07ec4f7479fc7f8a6708c3762eb9a182dec4f73497',
  policy_agent: '59356eba92be2b7ff326964287994d7155fd42a7f34077f41d23defdcdb0c566',
  provider_exec: '9d5e196dfa1f2bc7a3313bca40bca2617cf8eee66c76f8af1c5bad07e2888f65',
} as const;
