// Made from the kernels' sources by npm run generate.
export const KERNEL_HASHES = {
  run_code: '03e9a852ef38636511e64e21a0244191d9e0044931f5965e3d4f09c3e884291b',
  observer_bot: 'e1920e307836fab243c02002d85cc1a9b535b8041ff4eb25c73f1cc94ae332d4',
  request_worker: '2f7590a3afe26b10eed3c20ced9999aaff87cf8716c70335c0017a976e7da0b2',
  policy_agent: 'd141c2182be64dfd1cdfe4d142f47a29ff470daad8185070155e1ab634a523d7',
  provider_exec: '536312dd8ed94585932ae6d2006ecc2dec1244be519880cf74175fb9ce3329fc',
} as const;
