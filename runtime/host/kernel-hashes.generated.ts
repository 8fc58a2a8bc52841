// Made from the kernels' sources by npm run generate.
export const KERNEL_HASHES = {
  run_code: '7b93a73516dff9b01faa796c4992a6c431a8097b5b42b7eb8015c6c2fb68a20a',
  observer_bot: 'd8fa1bbd7e6160bda9ddcf39eebe8eedf0d1e27d21dd983514d631b4ed4c8a61',
  request_worker: 'e8f29b64f1aba83592fd1453618cf74e9b46ea553a0b13f3a993b4dad3d642df',
  policy_agent: 'cec1ede3012b1a6ea216ff6cc58b0291dcda0ffdf9f8e046eba59631d8355c17',
  provider_exec: 'e1305f3c35a11a17823cfa2d503c38ac2ca58d73058f5611f719f9e61f6b2369',
} as const;
