import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import type { DailyCadence, IntervalCadence } from '../runtime/host/cadence';
import { SCHEDULE, type ScheduledJob } from '../runtime/host/schedule';
import { dailyExpression, tickDelays } from './cadence-expression';
import type { LambdaFunction } from './function';
import { consumeStatement, policyDocument, type Statement, trustPolicy } from './iam';
import type { Kernels } from './kernels';
import type { Names } from './names';

/** Arguments of {@link Scheduler}. */
export interface SchedulerArgs {
  /** Makes the names of AWS resources. */
  readonly names: Names;
  /** `aws`, `aws-cn` or `aws-us-gov`: part of every ARN. */
  readonly partition: string;
  /** The account that the scheduler's roles trust. */
  readonly accountId: pulumi.Input<string>;
  /** The kernels that the schedule starts. */
  readonly kernels: Kernels;
  /** Concurrent executions of a kernel that ticks may start. */
  readonly tickConcurrency: number;
  /** Undefined in a stack without proofs. */
  readonly sealer: LambdaFunction | undefined;
  /** Defaults to the schedule table of `runtime/host`. */
  readonly schedule?: readonly ScheduledJob[];
}

/** The queue of a job's ticks. */
export interface TickQueue {
  /** The queue itself. */
  readonly queue: aws.sqs.Queue;
  /** The function that takes its messages. */
  readonly kernel: LambdaFunction;
  /** Name of the job in the schedule table. */
  readonly job: string;
}

/**
 * Retention of a tick in seconds, its delay included: the shortest that SQS allows, and one batch's interval. The first
 * tick after an outage finds all work that is due, so older ticks are useless.
 */
const TICK_SECONDS = 60;
/** Retention of dead letters in seconds: two weeks, the longest that SQS allows. */
const DEAD_LETTER_SECONDS = 1_209_600;
/** A span is sealed within this interval plus the time of a batch. */
const SEALER_CADENCE: IntervalCadence = { kind: 'interval', everySeconds: 10 };
/** EventBridge Scheduler replaces this keyword in an input with the scheduled time of the run. */
const SCHEDULED_TIME = '<aws.scheduler.scheduled-time>';

/**
 * The schedule table as AWS resources. An interval job is a schedule of one minute that sends a batch of delayed
 * messages to a queue, from which the kernel is started; a daily job starts its kernel directly, in its time zone.
 *
 * Costs about $0.70 a month: 131,000 schedule runs (free below 14 million), 613,000 ticks and the polling of three
 * queues (us-east-1, 2026-11).
 */
export class Scheduler extends pulumi.ComponentResource {
  /** One queue a job that runs at an interval. */
  readonly ticks: readonly TickQueue[];
  /** The group of all schedules of the stack. */
  readonly group: aws.scheduler.ScheduleGroup;
  /** Dead-letter queue for runs of daily jobs that could not be started. */
  readonly dailyDead: aws.sqs.Queue;
  /** Event sources that start kernels; alarms on missing ticks depend on them. */
  get sources(): pulumi.Resource[] {
    return this.#sources;
  }
  readonly #sources: pulumi.Resource[] = [];

  readonly #args: SchedulerArgs;

  constructor(name: string, args: SchedulerArgs, opts?: pulumi.ComponentResourceOptions) {
    super('logline:infra:Scheduler', name, {}, opts);
    this.#args = args;
    this.group = new aws.scheduler.ScheduleGroup(name, { name: args.names.prefix }, { parent: this });
    this.dailyDead = this.#createDeadLetterQueue('daily');
    const ticks: TickQueue[] = [];
    for (const job of args.schedule ?? SCHEDULE) {
      if (job.cadence.kind === 'interval') {
        ticks.push(this.#createInterval(job.job, args.kernels.functions[job.kernel], job.cadence));
      } else {
        this.#createDaily(job, job.cadence);
      }
    }
    this.ticks = ticks;
    // No alarm on the sealer's ticks: missed ones show in its metric SealingCaughtUp.
    if (args.sealer !== undefined) this.#createInterval('sealer', args.sealer, SEALER_CADENCE);
    this.registerOutputs({});
  }

  #createInterval(job: string, kernel: LambdaFunction, cadence: IntervalCadence): TickQueue {
    const name = job.replaceAll('_', '-');
    const tick = this.#createTickQueue(name, job, kernel);
    this.#createConsumer(name, tick);
    const role = this.#createRole(name, [
      {
        Sid: 'SendTicks',
        Effect: 'Allow',
        Action: ['sqs:SendMessage'],
        Resource: tick.queue.arn,
      },
    ]);
    const entries = tickDelays(cadence).map((delay) => ({
      Id: `tick-${delay}`,
      DelaySeconds: delay,
      MessageBody: JSON.stringify({ trigger: 'schedule', job }),
    }));
    this.#createSchedule(name, {
      scheduleExpression: 'rate(1 minute)',
      target: {
        arn: `arn:${this.#args.partition}:scheduler:::aws-sdk:sqs:sendMessageBatch`,
        roleArn: role,
        input: pulumi.jsonStringify({ QueueUrl: tick.queue.url, Entries: entries }),
        // The next batch comes a minute later, so retries end there.
        retryPolicy: { maximumEventAgeInSeconds: 60, maximumRetryAttempts: 2 },
      },
    });
    return tick;
  }

  #createDaily(job: ScheduledJob, cadence: DailyCadence): void {
    const name = job.job.replaceAll('_', '-');
    const kernel = this.#args.kernels.functions[job.kernel];
    const role = this.#createRole(name, [
      {
        Sid: 'StartKernel',
        Effect: 'Allow',
        Action: ['lambda:InvokeFunction'],
        Resource: kernel.function.arn,
      },
      {
        Sid: 'SetAsideFailedRuns',
        Effect: 'Allow',
        Action: ['sqs:SendMessage'],
        Resource: this.dailyDead.arn,
      },
    ]);
    this.#setAsideFailures(name, kernel);
    this.#createSchedule(name, {
      scheduleExpression: dailyExpression(cadence),
      scheduleExpressionTimezone: cadence.timezone,
      target: {
        arn: kernel.function.arn,
        roleArn: role,
        input: JSON.stringify({ trigger: job.job, scheduled_for: SCHEDULED_TIME }),
        // The job decides once per local date, so a repeated start is harmless and a missed one is caught up.
        retryPolicy: { maximumEventAgeInSeconds: 7_200, maximumRetryAttempts: 10 },
        deadLetterConfig: { arn: this.dailyDead.arn },
      },
    });
  }

  /** Lambda retries a failed run, then sends it to the dead-letter queue. */
  #setAsideFailures(name: string, kernel: LambdaFunction): void {
    const policy = new aws.iam.RolePolicy(
      `${name}-failures`,
      {
        role: kernel.role.name,
        policy: policyDocument([
          {
            Sid: 'SetAsideFailedRuns',
            Effect: 'Allow',
            Action: ['sqs:SendMessage'],
            Resource: this.dailyDead.arn,
          },
        ]),
      },
      { parent: this },
    );
    new aws.lambda.FunctionEventInvokeConfig(
      name,
      {
        functionName: kernel.function.name,
        maximumEventAgeInSeconds: 21_600,
        maximumRetryAttempts: 2,
        destinationConfig: { onFailure: { destination: this.dailyDead.arn } },
      },
      { parent: this, dependsOn: [policy] },
    );
  }

  #createTickQueue(name: string, job: string, kernel: LambdaFunction): TickQueue {
    const queue = new aws.sqs.Queue(
      `${name}-ticks`,
      {
        name: this.#args.names.of('queue', `${name}-ticks`),
        // Six times the function's timeout, as the Lambda guide recommends; else a tick is delivered again while it runs.
        visibilityTimeoutSeconds: 6 * kernel.timeoutSeconds,
        messageRetentionSeconds: TICK_SECONDS,
        receiveWaitTimeSeconds: 20,
        sqsManagedSseEnabled: true,
      },
      { parent: this },
    );
    return { queue, kernel, job };
  }

  #createDeadLetterQueue(name: string): aws.sqs.Queue {
    return new aws.sqs.Queue(
      `${name}-dead`,
      {
        name: this.#args.names.of('queue', `${name}-dead`),
        messageRetentionSeconds: DEAD_LETTER_SECONDS,
        sqsManagedSseEnabled: true,
      },
      { parent: this },
    );
  }

  #createConsumer(name: string, tick: TickQueue): void {
    const policy = new aws.iam.RolePolicy(
      `${name}-ticks`,
      { role: tick.kernel.role.name, policy: policyDocument([consumeStatement(tick.queue.arn)]) },
      { parent: this },
    );
    const source = new aws.lambda.EventSourceMapping(
      `${name}-ticks`,
      {
        eventSourceArn: tick.queue.arn,
        functionName: tick.kernel.function.arn,
        // One run handles all waiting ticks.
        batchSize: 10,
        functionResponseTypes: ['ReportBatchItemFailures'],
        scalingConfig: { maximumConcurrency: this.#args.tickConcurrency },
      },
      { parent: this, dependsOn: [policy] },
    );
    this.#sources.push(source);
  }

  #createRole(name: string, statements: readonly Statement[]): pulumi.Output<string> {
    const { names, accountId } = this.#args;
    const role = new aws.iam.Role(
      `${name}-schedule`,
      {
        name: names.of('role', `${name}-sched`),
        description: `Lets EventBridge Scheduler start ${name}`,
        assumeRolePolicy: trustPolicy('scheduler.amazonaws.com', accountId, this.group.arn),
      },
      { parent: this },
    );
    const policy = new aws.iam.RolePolicy(
      `${name}-schedule`,
      { role: role.name, policy: policyDocument(statements) },
      { parent: this },
    );
    // The role's ARN is released only after its policy exists.
    return pulumi.all([role.arn, policy.id]).apply(([arn]) => arn);
  }

  #createSchedule(
    name: string,
    args: Pick<aws.scheduler.ScheduleArgs, 'scheduleExpression' | 'scheduleExpressionTimezone' | 'target'>,
  ): void {
    new aws.scheduler.Schedule(
      name,
      {
        name: this.#args.names.of('schedule', name),
        groupName: this.group.name,
        flexibleTimeWindow: { mode: 'OFF' },
        state: 'ENABLED',
        ...args,
      },
      { parent: this },
    );
  }
}
