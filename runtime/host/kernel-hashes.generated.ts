// Made from the kernels' sources by npm run generate.
export const KERNEL_HASHES = {
<<<<<<< HEAD
  run_code: '7f82f2cb0e904d017838772cad9b99de403d0d01d6249ea977226365978af714',
  observer_bot: '039c179d916797942db05c09bace541ceeceedf80d5c400fb75c3e848c5c6f43',
  request_worker: 'a193c5227686ce6ad3de4db5b1e0c10aa1de12ba5112611f8758fdb3dc73348f',
  policy_agent: 'f8d2fb205eee7ba488c8beb4524294ead3ae4648e26401feb8c2619eca6404ed',
=======
  run_code: '8f1cb66c8135e19848c1a20dfb33ce5d4b6e2f51901457b385d8bf797af7ea04',
  observer_bot: 'aad52d2a588f258b38783f2ccb61943e0332bdda612e8dd8dc4b5aab770899bb',
  request_worker: '47d3ba3536b67a94a17745ef68ebb69555a7850a42752692ed4c8657a6fe576e',
  policy_agent: '96f5f26cdd1cb7492bf0512c86e066f983d7cddee63e40f22f9ff841e416340e',
>>>>>>> e85bdd3 (wip work tables)
  provider_exec: '73ec5a33cafa9249b6c878ca945b246618b9bb1e15c177d31ccceba482db634b',
} as const;
