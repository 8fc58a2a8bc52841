import { type CostLine, line, round, thousands } from './cost-line';
import { HOURS, MINUTES } from './month';
import prices from './prices.json';
import { ofType, type Resources } from './resources';
import type { Usage } from './usage';

/** Sealed batches a month, assumed for 100,000 requests. */
const SEALED_BATCHES = 50_000;
/** Costs for each resource, whether it is used or not. */
export function countedLines(resources: Resources): CostLine[] {
  const kinds: [string, string, number][] = [
    ['secrets', 'aws:secretsmanager/secret:Secret', prices.secret],
    ['secret of the master password', 'aws:rds/subnetGroup:SubnetGroup', prices.secret],
    // Each of the first two yearly rotations adds a dollar.
    ['encryption key', 'aws:kms/key:Key', prices.kms_key],
    ['alarms', 'aws:cloudwatch/metricAlarm:MetricAlarm', prices.alarm],
    ['dashboard', 'aws:cloudwatch/dashboard:Dashboard', prices.dashboard],
    // TickDuration of each queue's job, or SealingCaughtUp; metrics of errors get values only after errors.
    ['metrics of ticks', 'aws:lambda/eventSourceMapping:EventSourceMapping', prices.custom_metric],
    ['metric of requests', 'aws:apigatewayv2/api:Api', prices.custom_metric],
    ['public addresses', 'aws:ec2/eip:Eip', prices.public_ipv4_hour * HOURS],
  ];
  return kinds.map(([item, type, each]) => {
    const count = ofType(resources, type).length;
    return line(item, count * each, `${count} × $${round(each).toFixed(2)}`);
  });
}

/** Costs of NAT gateways, by the hour and by the GB. */
export function natLines(resources: Resources, usage: Usage): CostLine[] {
  const count = ofType(resources, 'aws:ec2/natGateway:NatGateway').length;
  return count === 0
    ? []
    : [
        line('NAT gateways', count * prices.nat_gateway_hour * HOURS, `${count} × ${HOURS} h`),
        line('NAT traffic', usage.natGb * prices.nat_gateway_gb, `${usage.natGb} GB assumed`),
      ];
}

/** The sealer reads the guard on each tick; with each batch it writes the guard and checks for the day's checkpoints. */
export function proofLines(resources: Resources): CostLine[] {
  if (ofType(resources, 'aws:s3/bucket:Bucket').length === 0) return [];
  const reads = 6 * MINUTES;
  return [
    line(
      'guard of the proofs',
      (reads * prices.s3_get_million + SEALED_BATCHES * prices.s3_put_million) / 1_000_000,
      `${thousands(reads)} reads, ${thousands(SEALED_BATCHES)} writes assumed`,
    ),
  ];
}

/** Costs of CloudFront and its firewall, whose rules cost each. */
export function edgeLines(resources: Resources, { requests }: Usage): CostLine[] {
  const perMillion = (price: number) => (requests / 1_000_000) * price;
  const basis = `${thousands(requests)} requests assumed`;
  return [
    ...ofType(resources, 'aws:cloudfront/distribution:Distribution').map(() =>
      line('distribution', perMillion(prices.cloudfront_million), basis),
    ),
    ...ofType(resources, 'aws:wafv2/webAcl:WebAcl').map(({ inputs }) => {
      const rules = Array.isArray(inputs.rules) ? inputs.rules.length : 0;
      return line(
        'firewall',
        prices.waf_acl + rules * prices.waf_rule + perMillion(prices.waf_million),
        `${rules} rules, ${basis}`,
      );
    }),
  ];
}
