// Made from the kernels' sources by npm run generate.
export const KERNEL_HASHES = {
  run_code: '843328392365cc8aa87c96a17e2b6a08f2ac27535dc457e7d0d1c92220ddae1b',
  observer_bot: '3d00df5d3288b735bfce5bf03feb16e3fd036553d16bfb7f3080ccad719af3ed',
  request_worker: '6d5a186c91aebd76183d0b959ca39cefb967d30c14a591b779f3bd6cfa637298',
  policy_agent: 'b51b1f6a44da61442d62bb0d5cb9ba3590c008857f751c3a78361aaef363820d',
  provider_exec: '6c11b2642e50e8baaabcddd72910bc77cd13ae4232576eac2b3b23f381c2c1fa',
} as const;
