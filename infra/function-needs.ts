import type { Need } from './need';

const API: Need = {
  service: 'apigateway',
  read: ['GET'],
  write: ['POST', 'PUT', 'PATCH', 'DELETE'],
  on: ['arn:$P:apigateway:$R::/apis', 'arn:$P:apigateway:$R::/apis/*', 'arn:$P:apigateway:$R::/tags/*'],
};

/** Permissions for functions and their callers, by resource type. */
export const FUNCTION_NEEDS: Readonly<Record<string, Need>> = {
  'aws:apigatewayv2/api:Api': API,
  'aws:apigatewayv2/authorizer:Authorizer': API,
  'aws:apigatewayv2/integration:Integration': API,
  'aws:apigatewayv2/route:Route': API,
  'aws:apigatewayv2/stage:Stage': API,
  'aws:lambda/eventSourceMapping:EventSourceMapping': {
    service: 'lambda',
    read: ['GetEventSourceMapping', 'ListTags'],
    write: [
      'CreateEventSourceMapping',
      'UpdateEventSourceMapping',
      'DeleteEventSourceMapping',
      'TagResource',
    ],
    on: ['*'],
  },
  'aws:lambda/function:Function': {
    service: 'lambda',
    read: [
      'GetFunction',
      'GetFunctionCodeSigningConfig',
      'GetFunctionConcurrency',
      'ListVersionsByFunction',
      'ListTags',
    ],
    write: [
      'CreateFunction',
      'DeleteFunction',
      'UpdateFunctionCode',
      'UpdateFunctionConfiguration',
      'PutFunctionConcurrency',
      'DeleteFunctionConcurrency',
      'TagResource',
      'UntagResource',
    ],
    on: ['arn:$P:lambda:$R:$A:function:$N-*'],
  },
  'aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig': {
    service: 'lambda',
    read: ['GetFunctionEventInvokeConfig'],
    write: ['PutFunctionEventInvokeConfig', 'DeleteFunctionEventInvokeConfig'],
    on: ['arn:$P:lambda:$R:$A:function:$N-*'],
  },
  'aws:lambda/invocation:Invocation': {
    service: 'lambda',
    read: [],
    write: ['InvokeFunction'],
    on: ['arn:$P:lambda:$R:$A:function:$N-migrator'],
  },
  'aws:lambda/layerVersion:LayerVersion': {
    service: 'lambda',
    read: ['GetLayerVersion'],
    write: ['PublishLayerVersion', 'DeleteLayerVersion'],
    on: ['arn:$P:lambda:$R:$A:layer:$N-*'],
  },
  'aws:lambda/permission:Permission': {
    service: 'lambda',
    read: ['GetPolicy'],
    write: ['AddPermission', 'RemovePermission'],
    on: ['arn:$P:lambda:$R:$A:function:$N-*'],
  },
  'aws:scheduler/schedule:Schedule': {
    service: 'scheduler',
    read: ['GetSchedule'],
    write: ['CreateSchedule', 'UpdateSchedule', 'DeleteSchedule'],
    on: ['arn:$P:scheduler:$R:$A:schedule/$N/*'],
  },
  'aws:scheduler/scheduleGroup:ScheduleGroup': {
    service: 'scheduler',
    read: ['GetScheduleGroup', 'ListTagsForResource'],
    write: ['CreateScheduleGroup', 'DeleteScheduleGroup', 'TagResource', 'UntagResource'],
    on: ['arn:$P:scheduler:$R:$A:schedule-group/$N'],
  },
  'aws:sqs/queue:Queue': {
    service: 'sqs',
    read: ['GetQueueAttributes', 'GetQueueUrl', 'ListQueueTags'],
    write: ['CreateQueue', 'DeleteQueue', 'SetQueueAttributes', 'TagQueue', 'UntagQueue'],
    on: ['arn:$P:sqs:$R:$A:$N-*'],
  },
};
