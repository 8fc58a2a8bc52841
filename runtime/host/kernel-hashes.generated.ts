// Made from the kernels' sources by npm run generate.
export const KERNEL_HASHES = {
  run_code: '632e69f28f3f463c78943131f9f0231d40b0e1331c2787a9afce6ddad43f4e0f',
  observer_bot: 'd8fa1bbd7e6160bda9ddcf39eebe8eedf0d1e27d21dd983514d631b4ed4c8a61',
  request_worker: 'e8f29b64f1aba83592fd1453618cf74e9b46ea553a0b13f3a993b4dad3d642df',
  policy_agent: 'cec1ede3012b1a6ea216ff6cc58b0291dcda0ffdf9f8e046eba59631d8355c17',
  provider_exec: '2b0c2db35d4909e47f8735ba3662ca8eb0a04de7c0cedae41a345b74dbd8e536',
} as const;
