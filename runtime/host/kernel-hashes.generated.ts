// Made from the kernels' sources by npm run generate.
export const KERNEL_HASHES = {
  run_code: '7b93a73516dff9b01faa796c4992a6c431a8097b5b42b7eb8015c6c2fb68a20a',
  observer_bot: 'd8fa1bbd7e6160bda9ddcf39eebe8eedf0d1e27d21dd983514d631b4ed4c8a61',
  request_worker: '2f7590a3afe26b10eed3c20ced9999aaff87cf8716c70335c0017a976e7da0b2',
  policy_agent: 'cec1ede3012b1a6ea216ff6cc58b0291dcda0ffdf9f8e046eba59631d8355c17',
  provider_exec: 'b7076279c4f33c4b3b7221ae2aa928b4b8d9018319cdd3b4332a92c956700051',
} as const;
