// Made from the kernels' sources by npm run generate.
export const KERNEL_HASHES = {
  run_code: '7f82f2cb0e904d017838772cad9b99de403d0d01d6249ea977226365978af714',
  observer_bot: '039c179d916797942db05c09bace541ceeceedf80d5c400fb75c3e848c5c6f43',
  request_worker: 'a193c5227686ce6ad3de4db5b1e0c10aa1de12ba5112611f8758fdb3dc73348f',
  policy_agent: 'f8d2fb205eee7ba488c8beb4524294ead3ae4648e26401feb8c2619eca6404ed',
  provider_exec: '73ec5a33cafa9249b6c878ca945b246618b9bb1e15c177d31ccceba482db634b',
} as const;
