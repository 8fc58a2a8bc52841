// Made from the kernels' sources by npm run generate.
export const KERNEL_HASHES = {
  run_code: 'f9dba58e77ced03d9cf9ffebc25ce58506bfcf1059135d3dcbfe265e3e89aaad',
  observer_bot: 'aad52d2a588f258b38783f2ccb61943e0332bdda612e8dd8dc4b5aab770899bb',
  request_worker: '12d2bf2a9447acccb8042446534f7e623779cb43dc5c07b2a536bb0af2496e20',
  policy_agent: '9d2d9ac7092ef4b27b5d2a90155efbd2cca228c4460e25c930f5e70aa3a61930',
  provider_exec: '73ec5a33cafa9249b6c878ca945b246618b9bb1e15c177d31ccceba482db634b',
} as const;
