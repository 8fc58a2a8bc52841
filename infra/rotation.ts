import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import type { MigratorEvent } from '../runtime/lambda/migrator';
import { policyDocument, trustPolicy } from './iam';
import type { Migrator } from './migrator';
import type { Names } from './names';
import type { RotationSettings } from './rotation-settings';

/** Arguments of {@link Rotation}. */
export interface RotationArgs {
  /** Makes the names of AWS resources. */
  readonly names: Names;
  /** The account that the scheduler's role trusts. */
  readonly accountId: pulumi.Input<string>;
  /** The group `rotation`: how old passwords and keys may grow. */
  readonly settings: RotationSettings;
  /** Makes the new passwords and keys. */
  readonly migrator: Migrator;
  /** The group of the stack's schedules. */
  readonly group: aws.scheduler.ScheduleGroup;
  /** Dead-letter queue for failed runs; an alarm watches it. */
  readonly dead: aws.sqs.Queue;
}

/** In UTC, before the nightly backups. A missed day is caught up on the next. */
const DAILY = 'cron(30 0 * * ? *)';

/**
 * Runs the migrator once a day to rotate passwords and keys that are due. It goes by the age of each secret, so manual
 * rotations, missed days and a recreated schedule are all accounted for.
 *
 * Costs next to nothing: thirty runs of a few seconds a month (us-east-1, 2026-11).
 */
export class Rotation extends pulumi.ComponentResource {
  constructor(name: string, args: RotationArgs, opts?: pulumi.ComponentResourceOptions) {
    super('logline:infra:Rotation', name, {}, opts);
    const { names, settings, migrator, group, dead } = args;
    const roleArn = this.#createRole(name, args);
    this.#setAsideFailures(name, args);
    const event: MigratorEvent = {
      trigger: 'schedule',
      change: 'rotate_due',
      ...(settings.passwordsDays === undefined ? {} : { passwords_days: settings.passwordsDays }),
      ...(settings.keysDays === undefined ? {} : { keys_days: settings.keysDays }),
    };
    new aws.scheduler.Schedule(
      name,
      {
        name: names.of('schedule', name),
        groupName: group.name,
        flexibleTimeWindow: { mode: 'OFF' },
        state: 'ENABLED',
        scheduleExpression: DAILY,
        target: {
          arn: migrator.function.function.arn,
          roleArn,
          input: JSON.stringify(event),
          retryPolicy: { maximumEventAgeInSeconds: 7_200, maximumRetryAttempts: 10 },
          deadLetterConfig: { arn: dead.arn },
        },
      },
      { parent: this },
    );
    this.registerOutputs({});
  }

  #createRole(
    name: string,
    { names, accountId, group, migrator, dead }: RotationArgs,
  ): pulumi.Output<string> {
    const role = new aws.iam.Role(
      name,
      {
        name: names.of('role', `${name}-sched`),
        description: 'Lets EventBridge Scheduler start rotations',
        assumeRolePolicy: trustPolicy('scheduler.amazonaws.com', accountId, group.arn),
      },
      { parent: this },
    );
    const policy = new aws.iam.RolePolicy(
      name,
      {
        role: role.name,
        policy: policyDocument([
          {
            Sid: 'StartMigrator',
            Effect: 'Allow',
            Action: ['lambda:InvokeFunction'],
            Resource: migrator.function.function.arn,
          },
          {
            Sid: 'SetAsideFailedRuns',
            Effect: 'Allow',
            Action: ['sqs:SendMessage'],
            Resource: dead.arn,
          },
        ]),
      },
      { parent: this },
    );
    // The role's ARN is released only after its policy exists.
    return pulumi.all([role.arn, policy.id]).apply(([arn]) => arn);
  }

  /** Lambda retries a failed run twice, then sends it to the dead-letter queue, which has an alarm. */
  #setAsideFailures(name: string, { migrator, dead }: RotationArgs): void {
    const policy = new aws.iam.RolePolicy(
      `${name}-failures`,
      {
        role: migrator.function.role.name,
        policy: policyDocument([
          {
            Sid: 'SetAsideFailedRuns',
            Effect: 'Allow',
            Action: ['sqs:SendMessage'],
            Resource: dead.arn,
          },
        ]),
      },
      { parent: this },
    );
    new aws.lambda.FunctionEventInvokeConfig(
      name,
      {
        functionName: migrator.function.function.name,
        maximumEventAgeInSeconds: 21_600,
        maximumRetryAttempts: 2,
        destinationConfig: { onFailure: { destination: dead.arn } },
      },
      { parent: this, dependsOn: [policy] },
    );
  }
}
