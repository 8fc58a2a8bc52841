// Made from the kernels' sources by npm run generate.
export const KERNEL_HASHES = {
  run_code: 'd9431146d9af23b4cb82463b088b4e140ddc106389de2b02fc55e732a0d3e3f3',
  observer_bot: '039c179d916797942db05c09bace541ceeceedf80d5c400fb75c3e848c5c6f43',
  request_worker: 'bff788eb1da254cff0d8f9207b55fa5e5b8c58b592a70c26e6242a8ed81f1747',
  policy_agent: 'f8d2fb205eee7ba488c8beb4524294ead3ae4648e26401feb8c2619eca6404ed',
  provider_exec: '73ec5a33cafa9249b6c878ca945b246618b9bb1e15c177d31ccceba482db634b',
} as const;
