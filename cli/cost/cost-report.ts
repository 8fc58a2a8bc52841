/**
 * `logline cost`: what a stack costs a month, counted from the resources that the program itself registers and a
 * dated price file. An estimate, and it says so: nothing here was checked against a bill.
 */

import { dryRun, type RegisteredResource } from '../../infra/dry-run';
import prices from './prices.json';

/** One line of the table. */
export interface CostLine {
  readonly item: string;
  /** How the amount comes about, in words. */
  readonly basis: string;
  readonly monthlyUsd: number;
}

/** What a stack costs. */
export interface CostReport {
  readonly stack: string;
  /** Date of the prices, `YYYY-MM-DD`. */
  readonly pricesAsOf: string;
  /** Region of the prices; a stack elsewhere costs somewhat more or less. */
  readonly pricesRegion: string;
  /** False until someone has compared the price file with AWS. */
  readonly verified: boolean;
  readonly lines: readonly CostLine[];
  readonly totalUsd: number;
  /** Resources that cost something which the price file does not know. */
  readonly unpriced: readonly string[];
}

/** What is assumed about use. */
export interface Usage {
  /** Calls of the API. Defaults to 100,000 a month. */
  readonly requests: number;
  /** Seconds that a request or a tick keeps a function busy. Defaults to 0.1. */
  readonly secondsPerCall: number;
  /** GB through NAT gateways. Defaults to 10 a month, and to none without a gateway. */
  readonly natGb: number;
  /** What an Aurora cluster holds, and how often it goes to its storage. Default to 20 GB and 10 million times a month. */
  readonly auroraGb: number;
  readonly auroraIoMillions: number;
}

/** Nobody knows these before. */
export const DEFAULT_USAGE: Usage = {
  requests: 100_000,
  secondsPerCall: 0.1,
  natGb: 10,
  auroraGb: 20,
  auroraIoMillions: 10,
};

const HOURS = 730;
const MINUTES = HOURS * 60;
/** Log lines of one call: 1 KB, of a tick half of that, all told. */
const LOG_KB_PER_CALL = 0.7;
/** Lambda keeps five pollers at a queue, each asking every 20 s when nothing comes. */
const POLLS_PER_QUEUE = 5 * 3 * MINUTES;

/** Of a recovery point what changed since the one before; the first holds everything. */
const CHANGED_GB_PER_DAY = 0.5;
/** What goes out of AWS for a request, and between zones for any call of a function, in KB. */
const OUT_KB_PER_REQUEST = 10;
const ZONE_KB_PER_CALL = 10;
/** Warm instances of all functions together, each of which reads its keys again every five minutes. */
const WARM_INSTANCES = 8;
/** Ticks that find something to seal: of as many as 100,000 requests can make. */
const SEALED_BATCHES = 50_000;
const KEY_READS = WARM_INSTANCES * HOURS * 12;

/** X-Ray's default rule: the first request of each second and 5 % of the others. */
const SAMPLED_FIRST = HOURS * 3600;
const SAMPLED_SHARE = 0.05;

type Resources = readonly RegisteredResource[];

/** Types that cost nothing by themselves; what they cause is counted elsewhere. */
const FREE_TYPES: ReadonlySet<string> = new Set([
  'aws:acm/certificate:Certificate',
  'aws:acm/certificateValidation:CertificateValidation',
  'aws:apigatewayv2/authorizer:Authorizer',
  'aws:apigatewayv2/integration:Integration',
  'aws:apigatewayv2/route:Route',
  'aws:apigatewayv2/stage:Stage',
  'aws:backup/plan:Plan',
  'aws:backup/selection:Selection',
  'aws:ec2/defaultSecurityGroup:DefaultSecurityGroup',
  'aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway',
  'aws:ec2/internetGateway:InternetGateway',
  'aws:ec2/routeTable:RouteTable',
  'aws:ec2/routeTableAssociation:RouteTableAssociation',
  'aws:ec2/securityGroup:SecurityGroup',
  'aws:ec2/subnet:Subnet',
  'aws:ec2/vpc:Vpc',
  'aws:iam/role:Role',
  'aws:iam/rolePolicy:RolePolicy',
  'aws:kms/alias:Alias',
  'aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig',
  'aws:lambda/invocation:Invocation',
  'aws:lambda/layerVersion:LayerVersion',
  'aws:lambda/permission:Permission',
  'aws:rds/clusterParameterGroup:ClusterParameterGroup',
  'aws:rds/parameterGroup:ParameterGroup',
  'aws:rds/subnetGroup:SubnetGroup',
  'aws:route53/record:Record',
  'aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration',
  'aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration',
  'aws:s3/bucketOwnershipControls:BucketOwnershipControls',
  'aws:s3/bucketPolicy:BucketPolicy',
  'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock',
  'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration',
  'aws:s3/bucketVersioning:BucketVersioning',
  'aws:scheduler/scheduleGroup:ScheduleGroup',
  'aws:secretsmanager/secretVersion:SecretVersion',
  'aws:sns/topic:Topic',
  'aws:sns/topicSubscription:TopicSubscription',
  'aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule',
  'aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule',
]);

/** Types that have a line of their own in the table. */
const PRICED_TYPES: ReadonlySet<string> = new Set([
  'aws:apigatewayv2/api:Api',
  'aws:backup/vault:Vault',
  'aws:cloudfront/distribution:Distribution',
  'aws:cloudwatch/dashboard:Dashboard',
  'aws:cloudwatch/logGroup:LogGroup',
  'aws:cloudwatch/metricAlarm:MetricAlarm',
  'aws:ec2/eip:Eip',
  'aws:ec2/natGateway:NatGateway',
  'aws:kms/key:Key',
  'aws:lambda/eventSourceMapping:EventSourceMapping',
  'aws:lambda/function:Function',
  'aws:rds/cluster:Cluster',
  'aws:rds/clusterInstance:ClusterInstance',
  'aws:rds/instance:Instance',
  'aws:s3/bucket:Bucket',
  'aws:scheduler/schedule:Schedule',
  'aws:secretsmanager/secret:Secret',
  'aws:sqs/queue:Queue',
  'aws:wafv2/webAcl:WebAcl',
]);

/**
 * Runs the program without AWS and adds up its resources.
 *
 * @param options.config stack configuration; defaults to `Pulumi.<stack>.yaml`
 */
export async function costReport(options: {
  readonly stack: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly usage?: Partial<Usage>;
}): Promise<CostReport> {
  const { resources } = await dryRun(options);
  return costOf(options.stack, resources, { ...DEFAULT_USAGE, ...options.usage });
}

/** The report over resources that are already at hand. */
export function costOf(stack: string, resources: Resources, usage: Usage = DEFAULT_USAGE): CostReport {
  const unpriced = [...new Set(resources.filter(({ custom }) => custom).map(({ type }) => type))].filter(
    (type) => type.startsWith('aws:') && !FREE_TYPES.has(type) && !PRICED_TYPES.has(type),
  );
  const lines = [
    ...databaseLines(resources, unpriced),
    ...clusterLines(resources, unpriced, usage),
    ...countedLines(resources),
    ...proofLines(resources),
    ...natLines(resources, usage),
    ...backupLines(resources, usage),
    ...edgeLines(resources, usage),
    ...callLines(resources, usage),
  ].filter((line) => line.monthlyUsd >= 0.005);
  return {
    stack,
    pricesAsOf: prices.as_of,
    pricesRegion: prices.region,
    verified: prices.verified,
    lines,
    totalUsd: round(lines.reduce((sum, line) => sum + line.monthlyUsd, 0)),
    unpriced,
  };
}

/** The report as a table for a terminal. */
export function costTable(report: CostReport): string {
  const width = Math.max(...report.lines.map(({ item }) => item.length), 5);
  const row = (item: string, usd: number, basis: string) =>
    `${item.padEnd(width)}  ${usd.toFixed(2).padStart(8)}  ${basis}`;
  return [
    `${'item'.padEnd(width)}  ${'USD/month'.padStart(8)}  basis`,
    ...report.lines.map(({ item, monthlyUsd, basis }) => row(item, monthlyUsd, basis)),
    row('total', report.totalUsd, ''),
    '',
    `Stack ${report.stack}. List prices of ${report.pricesRegion}, ${report.pricesAsOf}${report.verified ? '' : ', not verified against AWS'}; free allowances not deducted.`,
    ...report.unpriced.map((type) => `Not in the price file, so not counted: ${type}`),
  ].join('\n');
}

function ofType(resources: Resources, type: string): Resources {
  return resources.filter((item) => item.type === type);
}

function databaseLines(resources: Resources, unpriced: string[]): CostLine[] {
  const hourly: Readonly<Record<string, number>> = prices.database_hour;
  return ofType(resources, 'aws:rds/instance:Instance').flatMap(({ inputs }) => {
    const size = String(inputs.instanceClass);
    const copies = inputs.multiAz === true ? 2 : 1;
    const price = hourly[size];
    if (price === undefined) {
      unpriced.push(`aws:rds/instance:Instance of class ${size}`);
    }
    const storageGb = Number(inputs.allocatedStorage);
    const twice = copies === 2 ? ', Multi-AZ' : '';
    return [
      line('database', (price ?? 0) * copies * HOURS, `${size}${twice}, ${HOURS} h`),
      line(
        'database storage',
        prices.database_storage_gb * storageGb * copies,
        `${storageGb} GB gp3${twice}`,
      ),
    ];
  });
}

/** A cluster is paid by its members, or by its units, and by what it stores and reads; the least of units is counted. */
function clusterLines(
  resources: Resources,
  unpriced: string[],
  { auroraGb, auroraIoMillions }: Usage,
): CostLine[] {
  const hourly: Readonly<Record<string, number>> = prices.aurora_hour;
  const members = ofType(resources, 'aws:rds/clusterInstance:ClusterInstance');
  return ofType(resources, 'aws:rds/cluster:Cluster').flatMap(({ inputs }) => {
    const isOptimized = inputs.storageType === 'aurora-iopt1';
    const size = String(members[0]?.inputs.instanceClass);
    const units = Number(at(inputs.serverlessv2ScalingConfiguration, 'minCapacity') ?? 0);
    const price = units > 0 ? units * prices.aurora_acu_hour : hourly[size];
    if (price === undefined) unpriced.push(`aws:rds/clusterInstance:ClusterInstance of class ${size}`);
    const factor = isOptimized ? prices.aurora_optimized_factor : 1;
    const what = units > 0 ? `${units} capacity units at least` : size;
    const storage = isOptimized ? prices.aurora_optimized_storage_gb : prices.aurora_storage_gb;
    return [
      line(
        'database',
        (price ?? 0) * factor * members.length * HOURS,
        `Aurora, ${members.length} × ${what}${isOptimized ? ', optimised I/O' : ''}, ${HOURS} h`,
      ),
      line('database storage', storage * auroraGb, `${thousands(auroraGb)} GB assumed`),
      line(
        'database I/O',
        isOptimized ? 0 : prices.aurora_io_million * auroraIoMillions,
        `${thousands(auroraIoMillions)} million assumed`,
      ),
    ];
  });
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([name]) => name === key)?.[1]
    : undefined;
}

function countedLines(resources: Resources): CostLine[] {
  const kinds: [string, string, number][] = [
    ['secrets', 'aws:secretsmanager/secret:Secret', prices.secret],
    ['secret of the master password', 'aws:rds/subnetGroup:SubnetGroup', prices.secret],
    // A dollar more from each of the first two yearly rotations on.
    ['encryption key', 'aws:kms/key:Key', prices.kms_key],
    ['alarms', 'aws:cloudwatch/metricAlarm:MetricAlarm', prices.alarm],
    ['dashboard', 'aws:cloudwatch/dashboard:Dashboard', prices.dashboard],
    // TickDuration of each job that a queue feeds or SealingCaughtUp, and RequestDuration; metrics of errors get values only when there are some.
    ['metrics of ticks', 'aws:lambda/eventSourceMapping:EventSourceMapping', prices.custom_metric],
    ['metric of requests', 'aws:apigatewayv2/api:Api', prices.custom_metric],
    ['public addresses', 'aws:ec2/eip:Eip', prices.public_ipv4_hour * HOURS],
  ];
  return kinds.map(([item, type, each]) => {
    const count = ofType(resources, type).length;
    return line(item, count * each, `${count} × $${round(each).toFixed(2)}`);
  });
}

function natLines(resources: Resources, usage: Usage): CostLine[] {
  const count = ofType(resources, 'aws:ec2/natGateway:NatGateway').length;
  return count === 0
    ? []
    : [
        line('NAT gateways', count * prices.nat_gateway_hour * HOURS, `${count} × ${HOURS} h`),
        line('NAT traffic', usage.natGb * prices.nat_gateway_gb, `${usage.natGb} GB assumed`),
      ];
}

/** The sealer reads the guard on each tick, and writes it and looks for the day's checkpoints with each batch. */
function proofLines(resources: Resources): CostLine[] {
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

/** Each vault holds the whole database and what changed on each day that is kept; a copy is paid on its way, too. */
function backupLines(resources: Resources, { auroraGb }: Usage): CostLine[] {
  const vaults = ofType(resources, 'aws:backup/vault:Vault').length;
  if (vaults === 0) return [];
  const days = Number(
    at(at(at(ofType(resources, 'aws:backup/plan:Plan')[0]?.inputs.rules, '0'), 'lifecycle'), 'deleteAfter'),
  );
  const gb = auroraGb + days * CHANGED_GB_PER_DAY;
  const basis = `${gb} GB in each of ${vaults}: ${auroraGb} GB, and ${CHANGED_GB_PER_DAY} GB of changes a day assumed`;
  return [
    line('backups', vaults * gb * prices.backup_gb, basis),
    line(
      'copies of backups',
      (vaults - 1) * 30 * CHANGED_GB_PER_DAY * prices.region_gb,
      `${30 * CHANGED_GB_PER_DAY} GB between regions assumed`,
    ),
  ];
}

/** The distribution and its firewall; the firewall's rules are paid one by one. */
function edgeLines(resources: Resources, { requests }: Usage): CostLine[] {
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

/** What goes to CloudFront costs nothing; what goes from there to callers does. */
function dataOutLines(resources: Resources, { requests }: Usage): CostLine[] {
  const isEdge = ofType(resources, 'aws:cloudfront/distribution:Distribution').length > 0;
  return [
    line(
      'data out',
      ((requests * OUT_KB_PER_REQUEST) / 1024 ** 2) *
        (isEdge ? prices.cloudfront_out_gb : prices.data_out_gb),
      `${OUT_KB_PER_REQUEST} KB a request assumed${isEdge ? ', by CloudFront' : ''}`,
    ),
  ];
}

/** Everything that is paid by use: the schedule's ticks are counted from the schedules, requests are assumed. */
function callLines(resources: Resources, usage: Usage): CostLine[] {
  const schedules = ofType(resources, 'aws:scheduler/schedule:Schedule');
  const perMinute = schedules.filter(({ inputs }) => inputs.scheduleExpression === 'rate(1 minute)');
  const ticks = perMinute.reduce((sum, schedule) => sum + ticksPerMinute(schedule) * MINUTES, 0);
  const queues = ofType(resources, 'aws:lambda/eventSourceMapping:EventSourceMapping').length;
  const calls = ticks + usage.requests;
  const gb = averageMemoryGb(resources);
  const runs = perMinute.length * MINUTES;
  const sqs = runs + ticks + queues * POLLS_PER_QUEUE;
  const traced = Math.min(usage.requests, SAMPLED_FIRST + SAMPLED_SHARE * (usage.requests - SAMPLED_FIRST));
  const millions = (count: number) => count / 1_000_000;
  return [
    line(
      'function calls',
      millions(calls) * prices.lambda_million,
      `${thousands(ticks)} ticks, ${thousands(usage.requests)} requests assumed`,
    ),
    line(
      'function time',
      calls * usage.secondsPerCall * gb * prices.lambda_gb_second,
      `${usage.secondsPerCall} s a call assumed, ${gb} GB on average`,
    ),
    line(
      'API',
      millions(usage.requests) * prices.api_million,
      `${thousands(usage.requests)} requests assumed`,
    ),
    line(
      'queues',
      millions(sqs) * prices.sqs_million,
      `${thousands(sqs)} calls: ticks, and the polling of ${queues} queues`,
    ),
    line(
      'reading of secrets',
      millions(KEY_READS) * (prices.secret_call_million + prices.kms_call_million),
      `${thousands(KEY_READS)} calls of Secrets Manager and of KMS, ${WARM_INSTANCES} warm instances assumed`,
    ),
    ...dataOutLines(resources, usage),
    // A cent for each direction; half of the calls come from the other zone.
    line(
      'data between zones',
      ((calls * ZONE_KB_PER_CALL) / 1024 ** 2) * prices.zone_gb,
      `${ZONE_KB_PER_CALL} KB a call assumed, every second one between zones`,
    ),
    line('schedules', millions(runs) * prices.schedule_million, `${thousands(runs)} runs`),
    line('traces', millions(traced) * prices.trace_million, `${thousands(traced)} requests`),
    line(
      'logs',
      ((calls * LOG_KB_PER_CALL) / 1024 ** 2) * prices.log_gb,
      `${LOG_KB_PER_CALL} KB a call assumed`,
    ),
  ];
}

function ticksPerMinute(schedule: RegisteredResource): number {
  const target = schedule.inputs.target;
  const input =
    typeof target === 'object' && target !== null && 'input' in target ? String(target.input) : '{}';
  const parsed: unknown = JSON.parse(input);
  return typeof parsed === 'object' && parsed !== null && 'Entries' in parsed && Array.isArray(parsed.Entries)
    ? parsed.Entries.length
    : 1;
}

function averageMemoryGb(resources: Resources): number {
  const sizes = ofType(resources, 'aws:lambda/function:Function').map(({ inputs }) =>
    Number(inputs.memorySize),
  );
  return round(sizes.reduce((sum, size) => sum + size, 0) / Math.max(sizes.length, 1) / 1024);
}

function line(item: string, monthlyUsd: number, basis: string): CostLine {
  return { item, basis, monthlyUsd: round(monthlyUsd) };
}

function round(amount: number): number {
  return Math.round(amount * 100) / 100;
}

function thousands(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}
