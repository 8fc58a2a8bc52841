import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import type { MigratorEvent } from '../runtime/lambda/migrator';
import { policyDocument, trustPolicy } from './iam';
import type { Migrator } from './migrator';
import type { Names } from './names';
import type { RotationSettings } from './rotation-settings';

/** Arguments of {@link Rotation}. */
export interface RotationArgs {
  readonly names: Names;
  readonly accountId: pulumi.Input<string>;
  readonly settings: RotationSettings;
  readonly migrator: Migrator;
  /** Of the stack's schedules. */
  readonly group: aws.scheduler.ScheduleGroup;
  /** Runs that failed for good; an alarm watches it. */
  readonly dead: aws.sqs.Queue;
}

/** UTC, before the backups of the night begin. A day that is missed is caught up on the next. */
const DAILY = 'cron(30 0 * * ? *)';

/**
 * Has the migrator look once a day which passwords and keys are old enough to be made new. It goes by the age of the
 * secrets, so a rotation by hand, a day that was missed and a schedule that was made anew all count right.
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
    // The schedule gets the role once the role can do something.
    return pulumi.all([role.arn, policy.id]).apply(([arn]) => arn);
  }

  /** Scheduler hands the run to Lambda, which tries it again when it fails; what fails for good is kept, and told. */
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
