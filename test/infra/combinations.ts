/** Stacks that combine settings which the three of `subject.ts` do not. */

import type { DryRunOptions } from '../../infra/dry-run';

const EXISTING = {
  vpcId: 'vpc-0123456789abcdef0',
  subnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
};
const WITNESS =
  'witness w witness.example/w+5154e33f+BAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f https://witness.example/';

export const COMBINATIONS: Readonly<Record<string, DryRunOptions>> = {
  'Aurora with readers, a gateway a zone, a distribution without a firewall': {
    stack: 'combined',
    config: {
      'aws:region': 'eu-west-1',
      'logline:protect': true,
      'logline:network': { egress: 'nat', zones: 3, natGateways: 'per-zone' },
      'logline:database': { engine: 'aurora', instanceClass: 'db.r7g.large', readers: 2, ioOptimized: true },
      'logline:edge': { enabled: true, waf: false, priceClass: 'all' },
      'logline:proofs': { lockMode: 'compliance', lockDays: 400 },
      'logline:backup': { days: 7 },
      'logline:oidc': { issuer: 'https://id.example.com', audience: 'logline', atGateway: true },
    },
  },
  'Aurora without servers in a VPC that is there, by IPv4, without proofs': {
    stack: 'combined',
    config: {
      'aws:region': 'us-east-1',
      'logline:network': { ...EXISTING, egress: 'nat' },
      'logline:database': { engine: 'aurora', serverless: { minAcu: 0.5, maxAcu: 8 }, finalSnapshot: true },
      'logline:proofs': { enabled: false },
      'logline:api': { corsOrigins: ['*'], explorer: false, maxWaitSeconds: 20 },
      'logline:oidc': { issuer: 'https://id.example.com', audience: 'logline', clientId: 'explorer' },
      'logline:rotation': { passwordsDays: 'none' },
      'logline:monitoring': { detailed: true },
    },
  },
  'RDS in a VPC that is there, by IPv6, a distribution with a certificate, witnesses': {
    stack: 'combined',
    config: {
      'aws:region': 'us-east-1',
      'logline:network': EXISTING,
      'logline:database': { storageGb: 16_000, name: 'ledger_of_record', performanceInsights: false },
      'logline:edge': {
        enabled: true,
        domain: 'ledger.example.com',
        certificateArn: 'arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012',
      },
      'logline:proofs': { witnesses: [WITNESS], witnessedTenants: ['acme', 'globex'] },
      'logline:origin': 'ledger.example.com',
      'logline:functions': { apiConcurrency: 'none', tickConcurrency: 10, memoryMb: 3_008 },
      'logline:providerKeys': '{"acme/openai":"sk-provider-secret"}',
      'logline:rotation': { passwordsDays: 'none', keysDays: 7 },
      'logline:tags': { Team: 'ledger', 'cost center': '42' },
    },
  },
  'the longest name that a stack may have, in a region with a short one': {
    stack: 'a-stack-with-a-long-name1',
    config: {
      'aws:region': 'us-east-1',
      'logline:backup': { copyRegion: 'eu-west-1' },
      'logline:providerKeys': '{"openai":"sk-provider-secret"}',
      'logline:edge': { enabled: true },
      'logline:database': { multiAz: true, instanceClass: 'db.m7g.large' },
      'logline:oidc': { issuer: 'https://id.example.com', audience: 'logline', operatorTenant: 'system' },
    },
  },
  'another partition': {
    stack: 'combined',
    config: {
      'aws:region': 'cn-north-1',
      'logline:database': { engine: 'aurora' },
      'logline:proofs': { enabled: false },
      'logline:monitoring': { alarmEmail: 'ops@example.com' },
    },
  },
};
