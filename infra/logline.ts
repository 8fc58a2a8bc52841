/** LogLine on AWS as one component, which any Pulumi program can use: `import { LogLine } from 'logline/pulumi'`. */

import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import { Api } from './api';
import { Backup } from './backup';
import { type StackConfig, settingsOf } from './config';
import { Database } from './database';
import { Edge } from './edge';
import { Kernels } from './kernels';
import { Layers } from './layers';
import type { LogLineArgs } from './logline-args';
import { Migrator } from './migrator';
import { Monitoring } from './monitoring';
import { Names } from './names';
import { Network } from './network';
import { startsAfter } from './ordering';
import { Proofs } from './proofs';
import { Rotation } from './rotation';
import { baseEnvironment, browserEnvironment } from './runtime-environment';
import { Scheduler } from './scheduler';
import { Secrets } from './secrets';
import { Stage0 } from './stage0';
import { stackTags, taggedWith } from './tags';

/**
 * A whole LogLine: network, database, secrets, functions, API, schedules and alarms. Names of AWS resources carry project and
 * stack, so a stack holds one.
 *
 * @throws pulumi.RunError that lists every fault of the settings at once.
 */
export class LogLine extends pulumi.ComponentResource {
  /** URL of the API, without a slash at the end; CloudFront's with `edge`. */
  readonly apiEndpoint: pulumi.Output<string>;
  /** Host and port of the writer. */
  readonly databaseEndpoint: pulumi.Output<string>;
  /** Name of the database on the server. */
  readonly databaseName: string;
  /** Kernel, `stage0`, `sealer` or `migrator` → name of its function. */
  readonly functionNames: Readonly<Record<string, string>>;
  /** Public key of the instance in hex, as the latest migration read it; `GET /api/keys` has the current keys. */
  readonly publicKeyHex: pulumi.Output<string>;
  /** Undefined without a dashboard. */
  readonly dashboardUrl: string | undefined;

  /**
   * @param name identifies it in the stack's state
   * @param args settings, or a configuration that was read and checked
   */
  constructor(name: string, args: LogLineArgs | StackConfig = {}, opts?: pulumi.ComponentResourceOptions) {
    super('logline:index:LogLine', name, {}, opts);
    const config = 'partition' in args ? args : settingsOf(args);
    for (const warning of config.warnings) pulumi.log.warn(warning, this);
    const { protect, region, partition } = config;
    const { logRetentionDays, memoryMb, tickConcurrency, apiConcurrency } = config.functions;
    const names = new Names(config);
    const tagged = taggedWith(stackTags(config));
    // Stacks from before this component have these resources at the root; the alias keeps them from being replaced.
    const aliases = [{ parent: pulumi.rootStackResource }];
    const own: pulumi.ComponentResourceOptions = { parent: this, aliases, transformations: [tagged] };
    const accountId = aws.getCallerIdentityOutput().accountId;

    const network = new Network('network', { names, settings: config.network }, own);
    const secrets = new Secrets(
      'secrets',
      {
        names,
        providerKeys: config.providerKeys,
        proofs: config.proofs.enabled,
        edgeHeaderVersion: config.edge?.headerVersion,
        protect,
      },
      own,
    );
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
      own,
    );

    if (config.backup !== undefined) {
      const { backup: settings } = config;
      new Backup(
        'backup',
        { names, partition, accountId, settings, databaseArn: database.arn, protect },
        own,
      );
    }

    const layers = new Layers('runtime', { names, region }, own);
    const platform = {
      names,
      region,
      partition,
      accountId,
      subnetIds: network.privateSubnetIds,
      securityGroupIds: [network.functionGroupId],
      hasIpv6: network.hasIpv6,
      secretsKeyArn: secrets.keyArn,
      logRetentionDays,
    };
    const environment = baseEnvironment(config, database, secrets);
    const { sealing, edgeHeader } = secrets;
    const proofs = sealing && new Proofs('proofs', { platform, settings: config.proofs, protect }, own);
    const migrator = new Migrator(
      'migrator',
      { platform, layers, secrets, environment, masterSecretArn: database.masterSecretArn, proofs },
      own,
    );

    // Everything that serves waits for the schema.
    const afterMigration = { ...own, transformations: [tagged, startsAfter(migrator.invocation)] };
    const kernels = new Kernels(
      'kernels',
      { platform, layers, secrets, environment, memoryMb },
      afterMigration,
    );
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
    const edge =
      config.edge &&
      edgeHeader &&
      new Edge(
        'edge',
        { names, settings: config.edge, apiEndpoint: api.endpoint, header: edgeHeader.value },
        afterMigration,
      );
    const sealer = sealing && proofs?.seal({ layers, secrets, sealing, environment }, migrator.invocation);
    const scheduler = new Scheduler(
      'scheduler',
      { names, partition, accountId, kernels, sealer, tickConcurrency },
      afterMigration,
    );
    const { rotation } = config;
    if (rotation.passwordsDays !== undefined || rotation.keysDays !== undefined) {
      const { group, dailyDead: dead } = scheduler;
      new Rotation(
        'rotation',
        { names, accountId, settings: rotation, migrator, group, dead },
        afterMigration,
      );
    }
    const monitoring = new Monitoring(
      'monitoring',
      {
        names,
        stack: config.stack,
        region,
        settings: config.monitoring,
        functions: [stage0.function, ...Object.values(kernels.functions)],
        sealer,
        ticks: scheduler.ticks,
        dailyDead: scheduler.dailyDead,
        database,
        databaseSettings: config.database,
        apiId: api.api.id,
        ticking: scheduler.sources,
      },
      own,
    );
    this.apiEndpoint = edge?.endpoint ?? api.endpoint;
    this.databaseEndpoint = database.endpoint;
    this.databaseName = database.databaseName;
    this.functionNames = {
      stage0: stage0.function.functionName,
      migrator: migrator.function.functionName,
      ...(sealer === undefined ? {} : { sealer: sealer.functionName }),
      ...Object.fromEntries(
        Object.entries(kernels.functions).map(([kernel, { functionName }]) => [kernel, functionName]),
      ),
    };
    this.publicKeyHex = migrator.publicKeyHex;
    this.dashboardUrl = monitoring.dashboardUrl;
    this.registerOutputs({ apiEndpoint: this.apiEndpoint });
  }
}
