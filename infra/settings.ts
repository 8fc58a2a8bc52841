/**
 * The settings of one stack as plain data: their shape, defaults and rules. Nothing here needs Pulumi, so the
 * rules are tested as tables; `config.ts` is the one place that feeds them from `pulumi.Config`.
 */

import { connectionLimit } from '../runtime/db/roles';
import { CONNECTIONS_PER_INSTANCE } from '../runtime/lambda/environment';
import { connectionsOf, FACTS_AS_OF, GIB_PER_ACU, isKnownRegion, memoryGib, offersClass } from './aws-facts';
import { isPrivateBlock, parseIpv4Block } from './cidr';
import { nameFaults } from './names';
import { SettingsReader } from './settings-reader';
import type {
  ApiSettings,
  BackupSettings,
  DatabaseSettings,
  ExistingNetwork,
  FunctionSettings,
  MonitoringSettings,
  NetworkSettings,
  OidcSettings,
  ProofsSettings,
  ServerlessSettings,
  StackSettings,
} from './stack-settings';

export type { StackSettings } from './stack-settings';

/** What `config.ts` hands in: values as Pulumi stores them, parsed from JSON where they were JSON. */
export interface RawSettings {
  readonly project: string;
  readonly stack: string;
  readonly region: string | undefined;
  /** Key without `logline:` → value. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** The configuration of a stack is wrong. `faults` lists everything that is, each with its key. */
export class ConfigError extends Error {
  readonly faults: readonly string[];

  constructor(stack: string, faults: readonly string[]) {
    super(
      `the configuration of stack "${stack}" has ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}:\n` +
        faults.map((fault) => `  - ${fault}`).join('\n'),
    );
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/** Keys of the namespace `logline:`. `Pulumi.yaml` declares the same ones; a test compares. */
export const SETTING_KEYS = [
  'protect',
  'tags',
  'network',
  'database',
  'api',
  'oidc',
  'functions',
  'monitoring',
  'origin',
  'proofs',
  'backup',
  'providerKeys',
] as const;

/** Days that CloudWatch Logs accepts as retention, up to ten years. */
const LOG_RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

/**
 * Checks a stack's configuration as a whole and fills in the defaults.
 *
 * @throws ConfigError that lists every fault, each with its key and what is allowed.
 */
export function parseSettings(raw: RawSettings): StackSettings {
  const faults: string[] = [];
  const root = new SettingsReader('logline:', raw.values, SETTING_KEYS, faults);
  const region = raw.region ?? '';
  if (!/^[a-z]{2}(-[a-z]+)+-\d$/.test(region)) {
    faults.push(
      `aws:region: expected an AWS region such as us-east-1; got ${region === '' ? 'nothing' : `"${region}"`}`,
    );
  } else if (!isKnownRegion(region)) {
    faults.push(
      `aws:region: expected a region where everything that a stack needs is known to be; "${region}" is not in the list of ${FACTS_AS_OF} (infra/aws-facts.ts)`,
    );
  }
  const { project, stack } = raw;
  faults.push(...nameFaults({ project, stack, region }));
  const protect = root.boolean('protect', false);
  const providerNames = readProviderNames(root, raw.values.providerKeys);
  const network = readNetwork(root);
  const database = readDatabase(root, protect);
  const settings: StackSettings = {
    project,
    stack,
    region,
    partition: partitionOf(region),
    protect,
    tags: root.map(
      'tags',
      /^(?!aws:)[\w .:/=+@-]{1,128}$/,
      'a map of tag names (not starting with aws:) to text',
    ),
    network,
    database,
    api: readApi(root),
    oidc: readOidc(root),
    functions: readFunctions(root, database.maxConnections),
    monitoring: readMonitoring(root, protect),
    origin: root.optionalText(
      'origin',
      /^[^\s+/]{1,200}$/,
      'a name such as ledger.example.com, without white space, + and /',
    ),
    proofs: readProofs(root, protect),
    backup: readBackup(root, region),
    providerNames,
    warnings: warningsOf(network, providerNames),
  };
  if (faults.length > 0) {
    throw new ConfigError(stack, faults);
  }
  return settings;
}

function partitionOf(region: string): string {
  if (region.startsWith('cn-')) {
    return 'aws-cn';
  }
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

function readNetwork(root: SettingsReader): NetworkSettings {
  const reader = root.object('network', [...OWN_NETWORK, 'egress', 'vpcId', 'subnetIds']);
  const existing = readExisting(reader);
  const cidr = reader.text('cidr', /^[\d./]+$/, 'an IPv4 range such as 10.60.0.0/16', '10.60.0.0/16');
  const block = parseIpv4Block(cidr);
  if (block === undefined || !isPrivateBlock(block) || block.bits < 16 || block.bits > 22) {
    reader.fault('cidr', `expected a private IPv4 range from /16 to /22 without host bits; got "${cidr}"`);
  }
  const egress = reader.oneOf('egress', ['ipv6', 'nat'], 'ipv6');
  if (egress === 'ipv6' && reader.has('natGateways')) {
    reader.fault('natGateways', 'has no meaning with egress ipv6; remove it or set egress to nat');
  }
  return {
    cidr,
    zones: reader.integer('zones', { min: 2, max: 3, fallback: 2 }),
    egress,
    natGateways: reader.oneOf('natGateways', ['one', 'per-zone'], 'one'),
    existing,
  };
}

/** Settings of a VPC of our own. */
const OWN_NETWORK = ['cidr', 'zones', 'natGateways'];

function readExisting(reader: SettingsReader): ExistingNetwork | undefined {
  if (!reader.has('vpcId') && !reader.has('subnetIds')) return undefined;
  const vpcId = reader.text(
    'vpcId',
    /^vpc-[0-9a-f]{8,17}$/,
    'the id of a VPC, such as vpc-0123456789abcdef0',
    '',
  );
  const subnetIds = reader.texts('subnetIds', /^subnet-[0-9a-f]{8,17}$/, 'the id of a subnet', []);
  if (vpcId === '' && !reader.has('vpcId')) reader.fault('vpcId', 'is needed beside subnetIds');
  if (new Set(subnetIds).size < 2 || subnetIds.length > 6)
    reader.fault('subnetIds', 'expected two to six private subnets, each in a zone of its own');
  for (const key of OWN_NETWORK.filter((name) => reader.has(name)))
    reader.fault(key, 'has no meaning in a VPC that is there already; remove it, or vpcId and subnetIds');
  return { vpcId, subnetIds };
}

function readBackup(root: SettingsReader, region: string): BackupSettings | undefined {
  if (!root.has('backup')) return undefined;
  const reader = root.object('backup', ['days', 'copyRegion', 'copyDays']);
  const days = reader.integer('days', { min: 1, max: 365, fallback: 35 });
  const copyRegion = reader.optionalText(
    'copyRegion',
    /^[a-z]{2}(-[a-z]+)+-\d$/,
    'a region such as eu-west-1',
  );
  if (copyRegion === region) reader.fault('copyRegion', 'is the region of the stack itself; choose another');
  else if (copyRegion !== undefined && partitionOf(copyRegion) !== partitionOf(region))
    reader.fault('copyRegion', 'lies in another partition of AWS, where nothing can be copied to');
  if (copyRegion === undefined && reader.has('copyDays'))
    reader.fault('copyDays', 'has no meaning without copyRegion');
  return { days, copyRegion, copyDays: reader.integer('copyDays', { min: 1, max: 365, fallback: days }) };
}

/** Settings that only one of the engines has. */
const RDS_ONLY = ['storageGb', 'maxStorageGb', 'multiAz'] as const;
const AURORA_ONLY = ['serverless', 'readers', 'ioOptimized'] as const;

function readDatabase(root: SettingsReader, protect: boolean): DatabaseSettings {
  const reader = root.object('database', [
    'engine',
    'instanceClass',
    ...AURORA_ONLY,
    ...RDS_ONLY,
    'deletionProtection',
    'backupDays',
    'finalSnapshot',
    'performanceInsights',
    'name',
  ]);
  const engine = reader.oneOf('engine', ['rds', 'aurora'], 'rds');
  for (const key of (engine === 'rds' ? AURORA_ONLY : RDS_ONLY).filter((name) => reader.has(name))) {
    reader.fault(
      key,
      engine === 'rds'
        ? 'needs engine aurora; remove it or set engine to aurora'
        : 'has no meaning with engine aurora, whose storage grows by itself and whose readers take over; remove it',
    );
  }
  const deletionProtection = reader.boolean('deletionProtection', protect);
  const finalSnapshot = reader.boolean('finalSnapshot', protect);
  if (protect && !deletionProtection) {
    reader.fault('deletionProtection', 'must not be false while logline:protect is true');
  }
  if (protect && !finalSnapshot) {
    reader.fault('finalSnapshot', 'must not be false while logline:protect is true');
  }
  const serverless = engine === 'aurora' ? readServerless(reader) : undefined;
  const instanceClass = readInstanceClass(reader, engine, serverless !== undefined);
  return {
    engine,
    instanceClass,
    serverless,
    readers: engine === 'aurora' ? reader.integer('readers', { min: 0, max: 15, fallback: 0 }) : 0,
    ioOptimized: engine === 'aurora' && reader.boolean('ioOptimized', false),
    ...readStorage(reader, engine),
    multiAz: engine === 'rds' && reader.boolean('multiAz', false),
    deletionProtection,
    backupDays: reader.integer('backupDays', { min: 1, max: 35, fallback: 7 }),
    finalSnapshot,
    performanceInsights: reader.boolean('performanceInsights', true),
    name: reader.text(
      'name',
      /^(?!(postgres|rdsadmin|template\d)$)[a-z][a-z0-9_]{0,62}$/,
      'a database name of lower-case letters, digits and _',
      'logline',
    ),
    maxConnections: maxConnectionsOf(instanceClass, serverless),
  };
}

function readInstanceClass(
  reader: SettingsReader,
  engine: DatabaseSettings['engine'],
  isServerless: boolean,
): string {
  if (isServerless) {
    if (reader.has('instanceClass'))
      reader.fault('instanceClass', 'has no meaning with serverless; remove one');
    return 'db.serverless';
  }
  const fallback = engine === 'aurora' ? 'db.t4g.medium' : 'db.t4g.micro';
  const instanceClass = reader.text(
    'instanceClass',
    /^db\.\w+\.\w+$/,
    'a Graviton class such as db.t4g.micro or db.m7g.large',
    fallback,
  );
  if (!offersClass(engine, instanceClass)) {
    reader.fault(
      'instanceClass',
      `expected a Graviton class that ${engine} offers, such as ${fallback} or db.r7g.large; got "${instanceClass}" (list of ${FACTS_AS_OF})`,
    );
  }
  return instanceClass;
}

function readServerless(reader: SettingsReader): ServerlessSettings | undefined {
  if (!reader.has('serverless')) return undefined;
  const inner = reader.object('serverless', ['minAcu', 'maxAcu']);
  const minAcu = inner.halves('minAcu', { min: 0.5, max: 256, fallback: 0.5 });
  const maxAcu = inner.halves('maxAcu', { min: 1, max: 256, fallback: Math.max(1, minAcu) });
  if (maxAcu < minAcu) inner.fault('maxAcu', `expected at least minAcu (${minAcu})`);
  return { minAcu, maxAcu };
}

function readStorage(
  reader: SettingsReader,
  engine: DatabaseSettings['engine'],
): Pick<DatabaseSettings, 'storageGb' | 'maxStorageGb'> {
  if (engine === 'aurora') return { storageGb: 0, maxStorageGb: 0 };
  const storageGb = reader.integer('storageGb', { min: 20, max: 16_384, fallback: 20 });
  const maxStorageGb = reader.integer('maxStorageGb', { min: 20, max: 65_536, fallback: storageGb * 5 });
  // RDS wants the ceiling at least a tenth above what is there, else it refuses the change.
  const leastCeiling = Math.ceil((storageGb * 11) / 10);
  if (maxStorageGb < leastCeiling) {
    reader.fault('maxStorageGb', `expected at least ${leastCeiling} (a tenth above storageGb)`);
  }
  return { storageGb, maxStorageGb };
}

/** Aurora holds a cluster that may shrink below one unit to 2,000 connections. */
function maxConnectionsOf(instanceClass: string, serverless: ServerlessSettings | undefined): number {
  if (serverless === undefined) return connectionsOf(memoryGib(instanceClass));
  const connections = connectionsOf(serverless.maxAcu * GIB_PER_ACU);
  return serverless.minAcu < 1 ? Math.min(2_000, connections) : connections;
}

function readApi(root: SettingsReader): ApiSettings {
  const reader = root.object('api', [
    'corsOrigins',
    'corsCredentials',
    'rateLimit',
    'burstLimit',
    'explorer',
    'maxWaitSeconds',
  ]);
  const corsOrigins = reader.texts(
    'corsOrigins',
    /^(\*|https?:\/\/[^/\s*?#@]+)$/,
    'an origin such as https://app.example.com, or *',
    [],
  );
  const corsCredentials = reader.boolean('corsCredentials', false);
  if (corsCredentials && corsOrigins.includes('*')) {
    reader.fault('corsOrigins', 'must name its origins (not *) when corsCredentials is true');
  }
  if (corsOrigins.includes('*') && corsOrigins.length > 1) {
    reader.fault('corsOrigins', '* already allows every origin; remove the others, or the *');
  }
  return {
    corsOrigins,
    corsCredentials,
    rateLimit: reader.integer('rateLimit', { min: 1, max: 10_000, fallback: 50 }),
    burstLimit: reader.integer('burstLimit', { min: 1, max: 5_000, fallback: 100 }),
    explorer: reader.boolean('explorer', true),
    maxWaitSeconds: reader.integer('maxWaitSeconds', { min: 0, max: 20, fallback: 0 }),
  };
}

function readOidc(root: SettingsReader): OidcSettings | undefined {
  if (!root.has('oidc')) {
    return undefined;
  }
  const reader = root.object('oidc', [
    'issuer',
    'audience',
    'userClaim',
    'tenantClaim',
    'scopeClaim',
    'clientId',
    'scopes',
    'tokenIdClaim',
    'operatorTenant',
    'atGateway',
  ]);
  for (const key of ['issuer', 'audience']) {
    if (!reader.has(key)) {
      reader.fault(key, 'is missing; an issuer needs its https URL and the audience of its tokens');
    }
  }
  const claim = /^[\w:./-]{1,128}$/;
  return {
    issuer: reader.text('issuer', /^https:\/\/[^\s?#]+$/, 'an https URL', ''),
    audience: reader.text('audience', /^\S+$/, 'text without spaces', ''),
    userClaim: reader.text('userClaim', claim, 'the name of a claim', 'sub'),
    tenantClaim: reader.text('tenantClaim', claim, 'the name of a claim', 'tenant'),
    scopeClaim: reader.text('scopeClaim', claim, 'the name of a claim', 'scope'),
    clientId: reader.has('clientId')
      ? reader.text('clientId', /^\S+$/, 'text without spaces', '')
      : undefined,
    scopes: reader.text(
      'scopes',
      /^[\x21-\x7e]+( [\x21-\x7e]+)*$/,
      'scopes with one space between',
      'openid',
    ),
    tokenIdClaim: reader.text('tokenIdClaim', claim, 'the name of a claim', 'jti'),
    operatorTenant: reader.text('operatorTenant', /^system$/, 'system, the tenant of the operator', ''),
    atGateway: reader.boolean('atGateway', false),
  };
}

/** Share of the connections of `logline_app` that the API may take; the rest is for the kernels. */
const API_SHARE = 0.5;

/** Copies of Stage-0 that cannot take the kernels' connections away. */
function fittingConcurrency(maxConnections: number): number {
  const connections = connectionLimit('app', maxConnections) * API_SHARE;
  return Math.max(2, Math.min(1_000, Math.floor(connections / CONNECTIONS_PER_INSTANCE)));
}

function readFunctions(root: SettingsReader, maxConnections: number): FunctionSettings {
  const reader = root.object('functions', [
    'memoryMb',
    'logRetentionDays',
    'tickConcurrency',
    'apiConcurrency',
  ]);
  return {
    memoryMb: reader.integer('memoryMb', { min: 256, max: 3_008, fallback: 512 }),
    logRetentionDays: reader.numberOf('logRetentionDays', LOG_RETENTION_DAYS, 30),
    tickConcurrency: reader.integer('tickConcurrency', { min: 2, max: 10, fallback: 2 }),
    apiConcurrency: reader.is('apiConcurrency', 'none')
      ? undefined
      : reader.integer('apiConcurrency', {
          min: 1,
          max: 1_000,
          fallback: fittingConcurrency(maxConnections),
        }),
  };
}

function readMonitoring(root: SettingsReader, protect: boolean): MonitoringSettings {
  const reader = root.object('monitoring', ['alarmEmail', 'dashboard', 'detailed']);
  return {
    alarmEmail: reader.optionalText('alarmEmail', /^[^\s@]+@[^\s@]+\.[^\s@]+$/, 'an e-mail address'),
    dashboard: reader.boolean('dashboard', true),
    detailed: reader.boolean('detailed', protect),
  };
}

function readProofs(root: SettingsReader, protect: boolean): ProofsSettings {
  const reader = root.object('proofs', ['enabled', 'lockMode', 'lockDays']);
  const lockMode = reader.oneOf('lockMode', ['governance', 'compliance'], 'governance');
  if (lockMode === 'compliance' && !protect)
    reader.fault(
      'lockMode',
      'compliance keeps anybody from deleting checkpoints, also with the stack, until their days are over; set logline:protect to true, or take governance',
    );
  return {
    enabled: reader.boolean('enabled', true),
    lockMode,
    lockDays: reader.integer('lockDays', { min: 1, max: 36_500, fallback: protect ? 365 : 7 }),
  };
}

/** `<tenant>/<name>`, or `<name>` for the operator's own; as `runtime/host/secret-store.ts` looks them up. */
const PROVIDER_KEY_NAME = /^(?:\P{Cc}{1,255}\/)?[\w-]{1,64}$/u;

/** Names only: the values are secrets and appear in no message. */
function readProviderNames(root: SettingsReader, value: unknown): readonly string[] {
  if (value === undefined) {
    return [];
  }
  const entries =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
  const valid = entries.every(
    ([name, key]) => PROVIDER_KEY_NAME.test(name) && typeof key === 'string' && key.trim() !== '',
  );
  if (entries.length === 0 || !valid) {
    root.fault(
      'providerKeys',
      'expected a secret JSON object of key name to key, such as {"acme/openai":"…"}, none of them empty',
    );
    return [];
  }
  return entries.map(([name]) => name).sort();
}

function warningsOf(network: NetworkSettings, providerNames: readonly string[]): string[] {
  if (network.egress !== 'ipv6' || providerNames.length === 0) {
    return [];
  }
  return [
    `keys are set for ${providerNames.join(', ')}, but egress is ipv6: provider_exec reaches only hosts with an ` +
      'IPv6 address (AAAA record). For a provider without one, set logline:network.egress to nat.',
  ];
}
