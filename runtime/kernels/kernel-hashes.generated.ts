// Made from the kernels' sources by npm run generate.
export const KERNEL_HASHES = {
  run_code: 'b5962c4df705294c8215f6dd0d8e791d517ff5a238457fb1e13a245a7576ba15',
  observer_bot: 'c0ecc95616db62685922799f94b0199a0bd6a10325557d09c49a3920a1b0ce0f',
  request_worker: '62d608e64e39793eb3e9fa57db07ed373034b79fd5d6817a60cba413b3791c94',
  policy_agent: '59356eba92be2b7ff326964287994d7155fd42a7f34077f41d23defdcdb0c566',
  provider_exec: '2e18a67e0c571be0bdd1ee3ff18566677ff5c976a25a66298bd4769a2e2b4d16',
} as const;
