// Made from the kernels' sources by npm run generate.
export const KERNEL_HASHES = {
  run_code: '26b94e8ff7d88f876bfefa178cbf14704789e6c6fc4e05b31599085b70098199',
  observer_bot: '039c179d916797942db05c09bace541ceeceedf80d5c400fb75c3e848c5c6f43',
  request_worker: '287b39df34013b7ec6a041e6f8a0cb9aead02103b2442cc4314adaf198e33032',
  policy_agent: 'f8d2fb205eee7ba488c8beb4524294ead3ae4648e26401feb8c2619eca6404ed',
  provider_exec: '73ec5a33cafa9249b6c878ca945b246618b9bb1e15c177d31ccceba482db634b',
} as const;
