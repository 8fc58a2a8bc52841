/**
 * The whole deployment: configuration → components → outputs. No resource of its own.
 */

import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import { Api } from './infra/api';
import { loadConfig } from './infra/config';
import { Database } from './infra/database';
import { Kernels } from './infra/kernels';
import { Layers } from './infra/layers';
import { Migrator } from './infra/migrator';
import { Monitoring } from './infra/monitoring';
import { Names } from './infra/names';
import { Network } from './infra/network';
import { startsAfter } from './infra/ordering';
import { baseEnvironment, browserEnvironment } from './infra/runtime-environment';
import { Scheduler } from './infra/scheduler';
import { Secrets } from './infra/secrets';
import { Stage0 } from './infra/stage0';
import { stackTags, taggedWith } from './infra/tags';

const config = loadConfig();
for (const warning of config.warnings) {
  pulumi.log.warn(warning);
}
const { protect, region, partition } = config;
const { logRetentionDays, memoryMb, tickConcurrency, apiConcurrency } = config.functions;
const names = new Names(config);
const tagged = taggedWith(stackTags(config));
const opts: pulumi.ComponentResourceOptions = { transformations: [tagged] };
const accountId = aws.getCallerIdentityOutput().accountId;

const network = new Network('network', { names, settings: config.network }, opts);
const secrets = new Secrets('secrets', { names, providerKeys: config.providerKeys, protect }, opts);
const database = new Database(
  'database',
  {
    names,
    settings: config.database,
    subnetIds: network.privateSubnetIds,
    securityGroupId: network.databaseGroupId,
    secretsKeyArn: secrets.keyArn,
    logRetentionDays,
    protect,
  },
  opts,
);

const layers = new Layers('runtime', { names, region }, opts);
const platform = {
  names,
  region,
  partition,
  accountId,
  subnetIds: network.privateSubnetIds,
  securityGroupIds: [network.functionGroupId],
  secretsKeyArn: secrets.keyArn,
  logRetentionDays,
};
const environment = baseEnvironment(config, database, secrets);
const migrator = new Migrator(
  'migrator',
  { platform, layers, secrets, environment, masterSecretArn: database.masterSecretArn },
  opts,
);

// Everything that serves waits for the schema.
const afterMigration = { transformations: [tagged, startsAfter(migrator.invocation)] };
const kernels = new Kernels('kernels', { platform, layers, secrets, environment, memoryMb }, afterMigration);
const stage0 = new Stage0(
  'stage0',
  {
    platform,
    layers,
    secrets,
    kernels,
    memoryMb,
    concurrency: apiConcurrency,
    environment: { ...environment, ...browserEnvironment(config) },
  },
  afterMigration,
);
const api = new Api(
  'api',
  { names, settings: config.api, oidc: config.oidc, stage0: stage0.function, logRetentionDays },
  afterMigration,
);
const scheduler = new Scheduler(
  'scheduler',
  { names, partition, accountId, kernels, tickConcurrency },
  afterMigration,
);
const monitoring = new Monitoring(
  'monitoring',
  {
    names,
    stack: config.stack,
    region,
    settings: config.monitoring,
    functions: [stage0.function, ...Object.values(kernels.functions)],
    ticks: scheduler.ticks,
    dailyDead: scheduler.dailyDead,
    database,
    databaseSettings: config.database,
    apiId: api.api.id,
    ticking: scheduler.sources,
  },
  opts,
);

export const apiEndpoint = api.endpoint;
export const databaseEndpoint = database.endpoint;
export const databaseName = database.databaseName;
export const functionNames = {
  stage0: stage0.function.functionName,
  migrator: migrator.function.functionName,
  ...Object.fromEntries(
    Object.entries(kernels.functions).map(([kernel, { functionName }]) => [kernel, functionName]),
  ),
};
/** Public half of the instance key as the latest migration found it; `GET /api/keys` has all keys of this moment. */
export const publicKeyHex = migrator.publicKeyHex;
export const dashboardUrl = monitoring.dashboardUrl;
