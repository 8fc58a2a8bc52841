// Made from the kernels' sources by npm run generate.
export const KERNEL_HASHES = {
  run_code: '3610eb08eacb969f71e8aadde445bc0a80ccd1a748e6afe866b4f0c2a70d216b',
  observer_bot: 'c0ecc95616db62685922799f94b0199a0bd6a10325557d09c49a3920a1b0ce0f',
  request_worker: '6931cb8a1b5fd579eec435ab166123e18f84242f82da5e5c8f82faa074bb0577',
  policy_agent: '59356eba92be2b7ff326964287994d7155fd42a7f34077f41d23defdcdb0c566',
  provider_exec: '9d5e196dfa1f2bc7a3313bca40bca2617cf8eee66c76f8af1c5bad07e2888f65',
} as const;
