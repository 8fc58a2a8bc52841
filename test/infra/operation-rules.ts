/** Rules on operations: functions, schedule, queues, migrations, alarms, logs. */

import { tickDelays } from '../../infra/cadence-expression';
import { SCHEDULE } from '../../runtime/host/schedule';
import { FUNCTION, type Rule } from './access-rules';
import { isScheduleExpression } from './schedule-expression';
import { at, each, listOf, ofType, recordOf, type Stack, type Subject, textsOf, the } from './subject';

const LOG_GROUP = 'aws:cloudwatch/logGroup:LogGroup';
const QUEUE = 'aws:sqs/queue:Queue';
const MAPPING = 'aws:lambda/eventSourceMapping:EventSourceMapping';
const SCHEDULE_TYPE = 'aws:scheduler/schedule:Schedule';
const ALARM = 'aws:cloudwatch/metricAlarm:MetricAlarm';
const INVOCATION = 'aws:lambda/invocation:Invocation';

/** Variables that the runtime requires at its start. */
const REQUIRED_ENVIRONMENT = [
  'LOGLINE_STAGE',
  'LOGLINE_DATABASE_HOST',
  'LOGLINE_DATABASE_PORT',
  'LOGLINE_DATABASE_NAME',
  'LOGLINE_DATABASE_SECRET_ARN',
  'LOGLINE_SIGNING_KEY_SECRET_ARN',
];

function environmentOf(item: Subject): Record<string, unknown> {
  return recordOf(at(item.inputs, 'environment.variables'));
}

/** The function that a queue feeds. */
function consumerOf(stack: Stack, queue: Subject): Subject | undefined {
  const mapping = ofType(stack, MAPPING).find(({ inputs }) =>
    String(inputs.eventSourceArn).endsWith(`:${queue.inputs.name}`),
  );
  return ofType(stack, FUNCTION).find(({ inputs }) =>
    String(mapping?.inputs.functionName).endsWith(`:${inputs.name}`),
  );
}

function fed(stack: Stack): [Subject, Subject][] {
  return ofType(stack, QUEUE).flatMap((queue): [Subject, Subject][] => {
    const consumer = consumerOf(stack, queue);
    return consumer === undefined ? [] : [[queue, consumer]];
  });
}

export const OPERATION_RULES: readonly Rule[] = [
  {
    title: 'runs every function on Node 24 and arm64, with memory, timeout and tracing set',
    violations: (stack) =>
      each(stack, FUNCTION, ({ inputs }) => {
        return (
          inputs.runtime !== 'nodejs24.x' ||
          textsOf(inputs.architectures).join() !== 'arm64' ||
          typeof inputs.memorySize !== 'number' ||
          typeof inputs.timeout !== 'number' ||
          !['Active', 'PassThrough'].includes(String(at(inputs, 'tracingConfig.mode')))
        );
      }),
    breakIt: (stack) => {
      the(stack, FUNCTION, 'run-code').inputs.runtime = 'nodejs22.x';
    },
  },
  {
    title: 'gives every function a log group of its own, with retention',
    violations: (stack) =>
      each(stack, FUNCTION, ({ name, inputs }) => {
        const group = ofType(stack, LOG_GROUP).find((item) => item.name === name);
        return (
          group?.inputs.name !== `/aws/lambda/${inputs.name}` ||
          at(inputs, 'loggingConfig.logGroup') !== group?.inputs.name
        );
      }),
    breakIt: (stack) => {
      the(stack, FUNCTION, 'stage0').inputs.loggingConfig = undefined;
    },
  },
  {
    title: 'keeps no log for ever',
    violations: (stack) => each(stack, LOG_GROUP, ({ inputs }) => typeof inputs.retentionInDays !== 'number'),
    breakIt: (stack) => {
      the(stack, LOG_GROUP, 'api-access').inputs.retentionInDays = undefined;
    },
  },
  {
    title: 'puts every function into the private subnets',
    violations: (stack) =>
      each(stack, FUNCTION, ({ inputs }) => {
        const subnets = textsOf(at(inputs, 'vpcConfig.subnetIds'));
        return subnets.length < 2 || subnets.some((subnet) => !subnet.includes('-private-'));
      }),
    breakIt: (stack) => {
      the(stack, FUNCTION, 'stage0').inputs.vpcConfig = undefined;
    },
  },
  {
    title: 'tells every function what the runtime reads at its start',
    violations: (stack) =>
      each(stack, FUNCTION, (item) =>
        REQUIRED_ENVIRONMENT.some((key) => typeof environmentOf(item)[key] !== 'string'),
      ),
    breakIt: (stack) => {
      the(stack, FUNCTION, 'run-code').inputs.environment = { variables: {} };
    },
  },
  {
    title: 'tells callers of kernels the names of functions that exist',
    violations: (stack) => {
      const names = ofType(stack, FUNCTION).map(({ inputs }) => inputs.name);
      return ['stage0', 'request-worker'].filter((caller) => {
        const text = environmentOf(the(stack, FUNCTION, caller)).LOGLINE_KERNEL_FUNCTIONS;
        const callees = Object.values(recordOf(JSON.parse(String(text ?? '{}'))));
        return callees.length < 2 || callees.some((callee) => !names.includes(callee));
      });
    },
    breakIt: (stack) => {
      the(stack, FUNCTION, 'run-code').inputs.name = 'renamed';
    },
  },
  {
    title: 'packs nothing but a thin handler into a function: no package of a layer, at most 5 KB',
    violations: (stack) =>
      [...stack.archives].flatMap(([name, files]) => {
        const bytes = Buffer.byteLength([...files.values()].join(''));
        return [...files.keys()].join() === '__index.js' && bytes > 0 && bytes <= 5_120
          ? []
          : [`${name}: ${[...files.keys()].join()} with ${bytes} bytes`];
      }),
    breakIt: (stack) => {
      stack.archives.get('stage0')?.set('node_modules/pg', '');
    },
  },
  {
    title: 'writes only schedule expressions that AWS accepts',
    violations: (stack) =>
      each(stack, SCHEDULE_TYPE, ({ inputs }) => !isScheduleExpression(String(inputs.scheduleExpression))),
    breakIt: (stack) => {
      the(stack, SCHEDULE_TYPE, 'observer-bot').inputs.scheduleExpression = 'rate(10 seconds)';
    },
  },
  {
    title: 'schedules every job of the table at its cadence, on its kernel',
    violations: (stack) =>
      SCHEDULE.flatMap((job) => {
        const name = job.job.replaceAll('_', '-');
        const { inputs } = the(stack, SCHEDULE_TYPE, name);
        const input = recordOf(JSON.parse(String(at(inputs, 'target.input'))));
        if (job.cadence.kind === 'daily') {
          const right =
            inputs.scheduleExpression === 'cron(0 0 * * ? *)' &&
            inputs.scheduleExpressionTimezone === job.cadence.timezone &&
            String(at(inputs, 'target.arn')).endsWith(`-${job.kernel.replaceAll('_', '-')}`) &&
            input.trigger === job.job &&
            input.scheduled_for === '<aws.scheduler.scheduled-time>';
          return right ? [] : [name];
        }
        const delays = listOf(input.Entries).map((entry) => recordOf(entry).DelaySeconds);
        const queue = ofType(stack, QUEUE).find((item) =>
          String(input.QueueUrl).endsWith(`/${item.inputs.name}`),
        );
        const kernel = queue && consumerOf(stack, queue);
        const right =
          at(inputs, 'target.arn') === 'arn:aws:scheduler:::aws-sdk:sqs:sendMessageBatch' &&
          delays.join() === tickDelays(job.cadence).join() &&
          kernel?.name === job.kernel.replaceAll('_', '-');
        return right ? [] : [name];
      }),
    breakIt: (stack) => {
      the(stack, SCHEDULE_TYPE, 'midnight-ruler').inputs.scheduleExpressionTimezone = 'UTC';
    },
  },
  {
    title:
      'gives a queue six times the timeout of its function, and lets a tick of an outage vanish after a minute',
    violations: (stack) => {
      const queues = fed(stack);
      return queues.length === 0
        ? ['no queue feeds a function']
        : queues
            .filter(([queue, consumer]) => {
              const visibility = Number(queue.inputs.visibilityTimeoutSeconds);
              return (
                !(visibility >= 6 * Number(consumer.inputs.timeout)) ||
                queue.inputs.redrivePolicy !== undefined ||
                queue.inputs.messageRetentionSeconds !== 60
              );
            })
            .map(([queue]) => queue.name);
    },
    breakIt: (stack) => {
      the(stack, QUEUE, 'policy-agent-ticks').inputs.messageRetentionSeconds = 3_600;
    },
  },
  {
    title: 'holds the alarm on connections against the number that the server is set to',
    violations: (stack) => {
      const group = stack.resources.find(({ type }) => /rds\/(cluster)?[pP]arameterGroup/.test(type));
      const set = listOf(group?.inputs.parameters).find((item) => at(item, 'name') === 'max_connections');
      const threshold = the(stack, ALARM, 'database-connections').inputs.threshold;
      return threshold === Math.floor(Number(at(set, 'value')) * 0.8) ? [] : [`${threshold}`];
    },
    breakIt: (stack) => {
      the(stack, ALARM, 'database-connections').inputs.threshold = 1;
    },
  },
  {
    title: 'starts at least two copies from a queue, the least that AWS takes, and lets a batch fail in part',
    violations: (stack) =>
      each(stack, MAPPING, ({ inputs }) => {
        return (
          !(Number(at(inputs, 'scalingConfig.maximumConcurrency')) >= 2) ||
          textsOf(inputs.functionResponseTypes).join() !== 'ReportBatchItemFailures'
        );
      }),
    breakIt: (stack) => {
      the(stack, MAPPING, 'observer-bot-ticks').inputs.scalingConfig = { maximumConcurrency: 1 };
    },
  },
  {
    title: 'watches errors and throttles of every function that serves',
    violations: (stack) =>
      ofType(stack, FUNCTION)
        .filter(({ name }) => name !== 'migrator')
        .flatMap(({ inputs }) =>
          ['Errors', 'Throttles']
            .filter((metric) => !watches(stack, metric, { FunctionName: inputs.name }))
            .map((metric) => `${metric} of ${inputs.name}`),
        ),
    breakIt: (stack) => {
      the(stack, ALARM, 'run-code-errors').inputs.metricName = 'Duration';
    },
  },
  {
    title: 'watches dead letters, missing ticks, and the CPU, storage and connections of the database',
    violations: (stack) => [
      ...ofType(stack, QUEUE)
        .filter(({ name }) => name.endsWith('-dead'))
        .filter(
          ({ inputs }) => !watches(stack, 'ApproximateNumberOfMessagesVisible', { QueueName: inputs.name }),
        )
        .map(({ name }) => name),
      ...fed(stack)
        .filter(
          ([, consumer]) =>
            !watches(stack, 'Invocations', { FunctionName: consumer.inputs.name }, 'breaching') &&
            // Missing ticks of the sealer show in its metric SealingCaughtUp.
            consumer.name !== 'sealer',
        )
        .map(([queue]) => `missing ticks in ${queue.name}`),
      ...['CPUUtilization', 'FreeStorageSpace', 'DatabaseConnections'].filter(
        (metric) => !watches(stack, metric, {}),
      ),
    ],
    breakIt: (stack) => {
      the(stack, ALARM, 'observer-bot-missing-ticks').inputs.treatMissingData = 'notBreaching';
    },
  },
  {
    title: 'has the migrator look each day what is to be rotated, keeps what failed, and watches both',
    violations: (stack) => {
      const { inputs } = the(stack, SCHEDULE_TYPE, 'rotation');
      const event = recordOf(JSON.parse(String(at(inputs, 'target.input'))));
      const migrator = the(stack, FUNCTION, 'migrator').inputs.name;
      const role = String(the(stack, 'aws:iam/rolePolicy:RolePolicy', 'rotation').inputs.policy);
      const failed = the(stack, 'aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig', 'rotation');
      return [
        ...(/^cron\(\d+ \d+ \* \* \? \*\)$/.test(String(inputs.scheduleExpression)) ? [] : ['not daily']),
        ...(String(at(inputs, 'target.arn')).endsWith(`:function:${migrator}`) ? [] : ['not the migrator']),
        ...(event.change === 'rotate_due' && Number(event.passwords_days) >= 1 ? [] : ['rotates nothing']),
        ...(role.includes(`:function:${migrator}"`) ? [] : ['may not start it']),
        ...(/daily-dead$/.test(String(at(failed.inputs, 'destinationConfig.onFailure.destination')))
          ? []
          : ['failures are lost']),
        ...(watches(stack, 'ApproximateNumberOfMessagesVisible', {
          QueueName: the(stack, QUEUE, 'daily-dead').inputs.name,
        })
          ? []
          : ['failures are not told']),
      ];
    },
    breakIt: (stack) => {
      the(
        stack,
        'aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig',
        'rotation',
      ).inputs.destinationConfig = undefined;
    },
  },
  {
    title: 'sends every alarm to the topic',
    violations: (stack) =>
      each(stack, ALARM, ({ inputs }) => !textsOf(inputs.alarmActions).join().includes(':sns:')),
    breakIt: (stack) => {
      the(stack, ALARM, 'api-errors').inputs.alarmActions = [];
    },
  },
  {
    title: 'runs migrations once for each change of sql/, runtime or the places of secrets',
    violations: (stack) =>
      each(stack, INVOCATION, ({ inputs }) => {
        const triggers = recordOf(inputs.triggers);
        return (
          inputs.lifecycleScope !== 'CREATE_ONLY' ||
          !/^[0-9a-f]{64}$/.test(String(triggers.sql)) ||
          !/^[0-9a-f]{64}$/.test(String(triggers.runtime)) ||
          !String(triggers.secrets).includes(':secret:secrets-app')
        );
      }),
    breakIt: (stack) => {
      the(stack, INVOCATION, 'migrator').inputs.triggers = { sql: 'a', runtime: 'b' };
    },
  },
];

function watches(
  stack: Stack,
  metric: string,
  dimensions: Record<string, unknown>,
  missing?: string,
): boolean {
  return ofType(stack, ALARM).some(
    ({ inputs }) =>
      inputs.metricName === metric &&
      Object.entries(dimensions).every(([key, value]) => recordOf(inputs.dimensions)[key] === value) &&
      (missing === undefined || inputs.treatMissingData === missing),
  );
}
