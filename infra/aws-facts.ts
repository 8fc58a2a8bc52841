/**
 * Regions and instance classes that AWS offers, looked up by hand on {@link FACTS_AS_OF}. Nothing here calls AWS, so a
 * region or class newer than that date is refused until it is added.
 */

/** Day of the list, `YYYY-MM-DD`. */
export const FACTS_AS_OF = '2026-11-26';

/** Memory in GiB of each size, of the t and m families; r families have twice as much. */
const MEMORY_GIB: Readonly<Record<string, number>> = {
  micro: 1,
  small: 2,
  medium: 4,
  large: 8,
  xlarge: 16,
  '2xlarge': 32,
  '4xlarge': 64,
  '8xlarge': 128,
  '12xlarge': 192,
  '16xlarge': 256,
  '24xlarge': 384,
  '48xlarge': 768,
};

const T_SIZES = ['micro', 'small', 'medium', 'large', 'xlarge', '2xlarge'];
const SIZES_6 = ['large', 'xlarge', '2xlarge', '4xlarge', '8xlarge', '12xlarge', '16xlarge'];
const SIZES_8 = [...SIZES_6, '24xlarge', '48xlarge'];

/**
 * Graviton families and their sizes, by engine
 * (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Types.html and
 * https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Concepts.DBInstanceClass.Types.html).
 */
const CLASSES: Readonly<Record<'rds' | 'aurora', Readonly<Record<string, readonly string[]>>>> = {
  rds: {
    t4g: T_SIZES,
    m6g: SIZES_6,
    m7g: SIZES_6,
    m8g: SIZES_8,
    r6g: SIZES_6,
    r7g: SIZES_6,
    r8g: SIZES_8,
  },
  aurora: { t4g: ['medium', 'large'], r6g: SIZES_6, r7g: SIZES_6, r8g: SIZES_8 },
};

/** Regions with Lambda on Node 24 and arm64, EventBridge Scheduler, HTTP APIs and both engines. */
const REGIONS = [
  'af-south-1',
  'ap-east-1',
  'ap-northeast-1',
  'ap-northeast-2',
  'ap-northeast-3',
  'ap-south-1',
  'ap-south-2',
  'ap-southeast-1',
  'ap-southeast-2',
  'ap-southeast-3',
  'ap-southeast-4',
  'ca-central-1',
  'ca-west-1',
  'eu-central-1',
  'eu-central-2',
  'eu-north-1',
  'eu-south-1',
  'eu-south-2',
  'eu-west-1',
  'eu-west-2',
  'eu-west-3',
  'il-central-1',
  'me-central-1',
  'me-south-1',
  'sa-east-1',
  'us-east-1',
  'us-east-2',
  'us-west-1',
  'us-west-2',
  'us-gov-east-1',
  'us-gov-west-1',
  'cn-north-1',
  'cn-northwest-1',
] as const;

/** Whether the list knows a region. */
export function isKnownRegion(region: string): boolean {
  return (REGIONS as readonly string[]).includes(region);
}

/** AWS partition of a region: the second part of its ARNs. */
export function partitionOf(region: string): string {
  if (region.startsWith('cn-')) {
    return 'aws-cn';
  }
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

/** Whether an engine offers a class such as `db.t4g.micro`. */
export function offersClass(engine: 'rds' | 'aurora', instanceClass: string): boolean {
  const [db, family = '', size = '', ...more] = instanceClass.split('.');
  return db === 'db' && more.length === 0 && CLASSES[engine][family]?.includes(size) === true;
}

/** Whether a class runs on CPU credits. */
export function isBurstable(instanceClass: string): boolean {
  return instanceClass.startsWith('db.t');
}

/** Memory of a class in GiB; 1 for one that the list does not know. */
export function memoryGib(instanceClass: string): number {
  const [, family = '', size = ''] = instanceClass.split('.');
  return (MEMORY_GIB[size] ?? 1) * (family.startsWith('r') ? 2 : 1);
}

/**
 * Share of each vCPU that a burstable class may use all day without paying for surplus credits
 * (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-credits-baseline-concepts.html).
 */
const BASELINES: Readonly<Record<string, number>> = {
  micro: 0.1,
  small: 0.2,
  medium: 0.2,
  large: 0.3,
  xlarge: 0.4,
  '2xlarge': 0.4,
};

/** vCPUs of a class: two up to large, then a vCPU for each 4 GiB of a family of general use. */
export function vcpus(instanceClass: string): number {
  const [, , size = ''] = instanceClass.split('.');
  return Math.max(2, (MEMORY_GIB[size] ?? 1) / 4);
}

/** Share of its vCPUs that a class may use all day. */
export function cpuShare(instanceClass: string): number {
  const [, , size = ''] = instanceClass.split('.');
  return isBurstable(instanceClass) ? (BASELINES[size] ?? 0.1) : 1;
}

/** Memory of one Aurora capacity unit in GiB. */
export const GIB_PER_ACU = 2;

/**
 * `max_connections` for a database with this much memory, by RDS's default formula: one connection for each 9,531,392
 * bytes, less a reserve for the system, and at most 5,000.
 */
export function connectionsOf(gib: number): number {
  return Math.min(5_000, Math.floor((gib * 0.9 * 1024 ** 3) / 9_531_392));
}
