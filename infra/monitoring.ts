import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import { METRIC_NAMESPACE } from '../runtime/log/metrics';
import { isBurstable, memoryGib, partitionOf } from './aws-facts';
import type { Database } from './database';
import type { DatabaseSettings } from './database-settings';
import type { LambdaFunction } from './function';
import type { MonitoringSettings } from './monitoring-settings';
import type { Names } from './names';
import type { TickQueue } from './scheduler';

/** Arguments of {@link Monitoring}. */
export interface MonitoringArgs {
  /** Makes the names of AWS resources. */
  readonly names: Names;
  /** Dimension `Stage` of the functions' own metrics. */
  readonly stack: string;
  /** Region that the dashboard reads metrics of. */
  readonly region: string;
  /** The group `monitoring`: e-mail, dashboard, detail. */
  readonly settings: MonitoringSettings;
  /** Functions to watch; the migrator reports through the deployment instead. */
  readonly functions: readonly LambdaFunction[];
  /** Undefined in a stack without proofs. */
  readonly sealer: LambdaFunction | undefined;
  /** Queues of ticks, each watched for silence and failures. */
  readonly ticks: readonly TickQueue[];
  /** Dead-letter queue of the daily jobs. */
  readonly dailyDead: aws.sqs.Queue;
  /** The database whose CPU, storage and connections are watched. */
  readonly database: Database;
  /** The group `database`: thresholds follow from class and storage. */
  readonly databaseSettings: DatabaseSettings;
  /** Id of the HTTP API. */
  readonly apiId: pulumi.Input<string>;
  /** Schedules and event sources: alarms on missing ticks are created after them. */
  readonly ticking: pulumi.Input<pulumi.Resource>[];
}

/** Arguments of an alarm, in CloudWatch's terms. */
interface Watch {
  readonly namespace: string;
  readonly metric: string;
  readonly dimensions: Record<string, pulumi.Input<string>>;
  readonly statistic: 'Sum' | 'Average' | 'Maximum' | 'Minimum' | 'p99';
  readonly comparison: 'GreaterThanThreshold' | 'LessThanThreshold';
  readonly threshold: number;
  readonly periodSeconds: number;
  readonly periods: number;
  /** How missing data counts. Defaults to `notBreaching`. */
  readonly missing?: 'breaching' | 'notBreaching';
  readonly description: string;
}

/**
 * Alarms to one SNS topic, and a dashboard: errors, throttles, dead letters, missing ticks, and the database's CPU,
 * storage and connections.
 *
 * Costs $0.10 an alarm and $3 the dashboard: $5.60 a month; ten alarms and three dashboards of an account are free
 * (us-east-1, 2026-11).
 */
export class Monitoring extends pulumi.ComponentResource {
  /** Where every alarm is sent. */
  readonly topic: aws.sns.Topic;
  /** Undefined when the dashboard is switched off. */
  readonly dashboardUrl: string | undefined;

  readonly #args: MonitoringArgs;

  constructor(name: string, args: MonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    super('logline:infra:Monitoring', name, {}, opts);
    this.#args = args;
    this.topic = this.#createTopic(name);
    this.#watchFunctions();
    this.#watchTicks();
    this.#watchDatabase();
    this.#watchApi();
    if (args.sealer !== undefined) this.#watchSealing(args.sealer);
    this.dashboardUrl = args.settings.dashboard ? this.#createDashboard(name) : undefined;
    this.registerOutputs({ topicArn: this.topic.arn });
  }

  #createTopic(name: string): aws.sns.Topic {
    const topic = new aws.sns.Topic(name, { name: this.#args.names.of('topic', 'alarms') }, { parent: this });
    const { alarmEmail } = this.#args.settings;
    if (alarmEmail !== undefined) {
      new aws.sns.TopicSubscription(
        name,
        { topic: topic.arn, protocol: 'email', endpoint: alarmEmail },
        { parent: this },
      );
    }
    return topic;
  }

  #alarm(name: string, watch: Watch, dependsOn: pulumi.Input<pulumi.Resource>[] = []): void {
    new aws.cloudwatch.MetricAlarm(
      name,
      {
        name: this.#args.names.of('alarm', name),
        alarmDescription: watch.description,
        namespace: watch.namespace,
        metricName: watch.metric,
        dimensions: watch.dimensions,
        ...(watch.statistic === 'p99'
          ? { extendedStatistic: watch.statistic }
          : { statistic: watch.statistic }),
        comparisonOperator: watch.comparison,
        threshold: watch.threshold,
        period: watch.periodSeconds,
        evaluationPeriods: watch.periods,
        treatMissingData: watch.missing ?? 'notBreaching',
        alarmActions: [this.topic.arn],
        okActions: [this.topic.arn],
      },
      { parent: this, dependsOn },
    );
  }

  #watchFunctions(): void {
    const { functions, sealer } = this.#args;
    for (const { functionName } of sealer === undefined ? functions : [...functions, sealer]) {
      const short = functionName.slice(this.#args.names.prefix.length + 1);
      const lambda = {
        namespace: 'AWS/Lambda',
        dimensions: { FunctionName: functionName },
        statistic: 'Sum',
        comparison: 'GreaterThanThreshold',
        threshold: 0,
        periodSeconds: 300,
        periods: 1,
      } as const;
      this.#alarm(`${short}-errors`, {
        ...lambda,
        metric: 'Errors',
        description: `${functionName} failed; see its log group`,
      });
      this.#alarm(`${short}-throttles`, {
        ...lambda,
        metric: 'Throttles',
        description: `${functionName} was refused: the account's limit of concurrent functions is reached`,
      });
    }
  }

  #watchTicks(): void {
    for (const tick of this.#args.ticks) {
      const name = tick.job.replaceAll('_', '-');
      this.#alarm(
        `${name}-missing-ticks`,
        {
          namespace: 'AWS/Lambda',
          metric: 'Invocations',
          dimensions: { FunctionName: tick.kernel.functionName },
          statistic: 'Sum',
          comparison: 'LessThanThreshold',
          threshold: 1,
          periodSeconds: 300,
          periods: 2,
          missing: 'breaching',
          description: `${tick.job} has not run for ten minutes`,
        },
        this.#args.ticking,
      );
      // The function returns normally after a failed tick, so only its own metric shows the failure.
      this.#alarm(`${name}-failed-ticks`, {
        namespace: METRIC_NAMESPACE,
        metric: 'TickErrors',
        dimensions: { Stage: this.#args.stack, Job: tick.job },
        statistic: 'Sum',
        comparison: 'GreaterThanThreshold',
        threshold: 0,
        periodSeconds: 300,
        periods: 1,
        description: `${tick.job} failed; see the log group of ${tick.kernel.functionName}`,
      });
      if (this.#args.settings.detailed) this.#watchAge(name, tick);
    }
    this.#watchDeadLetters('daily-dead-letters', this.#args.dailyDead, 'daily jobs or rotations');
  }

  /** Alarm on ticks that expire in the queue because the kernel does not keep up. */
  #watchAge(name: string, tick: TickQueue): void {
    this.#alarm(`${name}-late-ticks`, {
      namespace: 'AWS/SQS',
      metric: 'ApproximateAgeOfOldestMessage',
      dimensions: { QueueName: tick.queue.name },
      statistic: 'Maximum',
      comparison: 'GreaterThanThreshold',
      threshold: 50,
      periodSeconds: 300,
      periods: 3,
      description: `${tick.job} is started late: its ticks wait for most of a minute`,
    });
  }

  #watchDeadLetters(name: string, queue: aws.sqs.Queue, what: string): void {
    this.#alarm(name, {
      namespace: 'AWS/SQS',
      metric: 'ApproximateNumberOfMessagesVisible',
      dimensions: { QueueName: queue.name },
      statistic: 'Maximum',
      comparison: 'GreaterThanThreshold',
      threshold: 0,
      periodSeconds: 300,
      periods: 1,
      description: `${what} failed for good and were set aside`,
    });
  }

  #watchDatabase(): void {
    const { database, databaseSettings, settings } = this.#args;
    const rds = {
      namespace: 'AWS/RDS',
      dimensions: { ...database.dimensions },
      statistic: 'Average',
      periodSeconds: 300,
      periods: 3,
    } as const;
    this.#alarm('database-cpu', {
      ...rds,
      metric: 'CPUUtilization',
      comparison: 'GreaterThanThreshold',
      threshold: 80,
      description: 'The database was busy above 80 % for 15 minutes',
    });
    this.#alarm('database-connections', {
      ...rds,
      metric: 'DatabaseConnections',
      comparison: 'GreaterThanThreshold',
      threshold: Math.floor(databaseSettings.maxConnections * 0.8),
      description: `More than 80 % of the ${databaseSettings.maxConnections} connections that the database takes are in use`,
    });
    if (databaseSettings.engine === 'rds') {
      this.#alarm('database-storage', {
        ...rds,
        metric: 'FreeStorageSpace',
        comparison: 'LessThanThreshold',
        threshold: Math.round(databaseSettings.storageGb * 0.1 * 1024 ** 3),
        description: 'Less than a tenth of the storage is free; it grows by itself up to maxStorageGb',
      });
    }
    if (databaseSettings.readers > 0) {
      this.#alarm('database-replica-lag', {
        ...rds,
        dimensions: { DBClusterIdentifier: database.identifier },
        metric: 'AuroraReplicaLagMaximum',
        statistic: 'Maximum',
        comparison: 'GreaterThanThreshold',
        // Milliseconds. A lagging reader is slow, not wrong: read-your-writes requests fall back to the writer.
        threshold: 2_000,
        description: 'A reader is more than two seconds behind the writer',
      });
    }
    if (settings.detailed) this.#watchDatabaseClosely(rds);
  }

  #watchDatabaseClosely(
    rds: Pick<Watch, 'namespace' | 'dimensions' | 'statistic' | 'periodSeconds' | 'periods'>,
  ): void {
    const { databaseSettings } = this.#args;
    if (databaseSettings.serverless !== undefined) {
      this.#alarm('database-capacity', {
        ...rds,
        metric: 'ACUUtilization',
        comparison: 'GreaterThanThreshold',
        threshold: 90,
        description: 'The database works at more than 90 % of its largest capacity; raise maxAcu',
      });
    } else {
      this.#alarm('database-memory', {
        ...rds,
        metric: 'FreeableMemory',
        comparison: 'LessThanThreshold',
        threshold: Math.round(memoryGib(databaseSettings.instanceClass) * 0.1 * 1024 ** 3),
        description: 'Less than a tenth of the memory of the database is free',
      });
    }
    if (isBurstable(databaseSettings.instanceClass)) {
      this.#alarm('database-credits', {
        ...rds,
        metric: 'CPUCreditBalance',
        statistic: 'Minimum',
        comparison: 'LessThanThreshold',
        threshold: 20,
        description: 'The CPU credits of the database are nearly used up; take a class that has none',
      });
    }
  }

  #watchApi(): void {
    this.#alarm('api-errors', {
      namespace: 'AWS/ApiGateway',
      metric: '5xx',
      dimensions: { ApiId: this.#args.apiId },
      statistic: 'Sum',
      comparison: 'GreaterThanThreshold',
      threshold: 5,
      periodSeconds: 300,
      periods: 1,
      description: 'More than five answers with status 5xx within five minutes',
    });
    if (!this.#args.settings.detailed) return;
    this.#alarm('api-latency', {
      namespace: 'AWS/ApiGateway',
      metric: 'Latency',
      dimensions: { ApiId: this.#args.apiId },
      statistic: 'p99',
      comparison: 'GreaterThanThreshold',
      threshold: 3_000,
      periodSeconds: 300,
      periods: 3,
      description: 'One call in a hundred took longer than three seconds for 15 minutes',
    });
  }

  /** Alarms on the sealer's own metrics: whether it reached the end of the feed, and why not. */
  #watchSealing({ functionName }: LambdaFunction): void {
    const sealing = {
      namespace: METRIC_NAMESPACE,
      dimensions: { Stage: this.#args.stack },
      statistic: 'Sum',
      periodSeconds: 300,
    } as const;
    this.#alarm(
      'sealing-lag',
      {
        ...sealing,
        metric: 'SealingCaughtUp',
        comparison: 'LessThanThreshold',
        threshold: 1,
        periods: 2,
        missing: 'breaching',
        description: `No tick of ${functionName} has sealed all there is for ten minutes; see its log group`,
      },
      this.#args.ticking,
    );
    const trouble = { ...sealing, comparison: 'GreaterThanThreshold', threshold: 0, periods: 1 } as const;
    this.#alarm('sealing-stopped', {
      ...trouble,
      metric: 'SealingStopped',
      description:
        'A span is not what its log bears, or the database is older than what was signed; see docs/operations.md',
    });
    this.#alarm('feed-held-back', {
      ...trouble,
      metric: 'FeedHeldBack',
      description: 'A transaction is open for so long that subscribers and logs see nothing new',
    });
  }

  #createDashboard(name: string): string {
    const { names, region } = this.#args;
    const dashboardName = names.of('dashboard', 'overview');
    new aws.cloudwatch.Dashboard(
      name,
      { dashboardName, dashboardBody: pulumi.jsonStringify({ widgets: this.#widgets() }) },
      { parent: this },
    );
    return `https://${consoleOf(region)}/cloudwatch/home?region=${region}#dashboards/dashboard/${dashboardName}`;
  }

  #widgets(): unknown[] {
    const { functions, ticks, database, databaseSettings, apiId } = this.#args;
    const lambda = (metric: string) =>
      functions.map((item) => ['AWS/Lambda', metric, 'FunctionName', item.functionName]);
    const rds = (metric: string) => [['AWS/RDS', metric, ...Object.entries(database.dimensions).flat()]];
    const charts: [string, string, unknown[]][] = [
      ['Calls', 'Sum', lambda('Invocations')],
      ['Errors', 'Sum', lambda('Errors')],
      ['Duration (p95)', 'p95', lambda('Duration')],
      ['API', 'Sum', ['Count', '4xx', '5xx'].map((metric) => ['AWS/ApiGateway', metric, 'ApiId', apiId])],
      [
        'Ticks waiting',
        'Maximum',
        ticks.map((tick) => ['AWS/SQS', 'ApproximateNumberOfMessagesVisible', 'QueueName', tick.queue.name]),
      ],
      ['Database CPU (%)', 'Average', rds('CPUUtilization')],
      ['Database connections', 'Maximum', rds('DatabaseConnections')],
      [
        'Database free storage',
        'Minimum',
        // Aurora's own storage grows by itself; temporary files lie beside it.
        rds(databaseSettings.engine === 'rds' ? 'FreeStorageSpace' : 'FreeLocalStorage'),
      ],
    ];
    return charts.map(([title, stat, metrics], index) => ({
      type: 'metric',
      x: (index % 2) * 12,
      y: Math.floor(index / 2) * 6,
      width: 12,
      height: 6,
      properties: { title, stat, metrics, region: this.#args.region, period: 300, view: 'timeSeries' },
    }));
  }
}

function consoleOf(region: string): string {
  const partition = partitionOf(region);
  if (partition === 'aws-cn') return `${region}.console.amazonaws.cn`;
  return partition === 'aws-us-gov'
    ? `${region}.console.amazonaws-us-gov.com`
    : `${region}.console.aws.amazon.com`;
}
