/** Events in AWS's formats. */

import { randomUUID } from 'node:crypto';
import type { DryRun } from '../../infra/dry-run';
import { at, listOf, recordOf } from '../infra/subject';

/** An API Gateway event: HTTP API, payload format 2.0. */
export function httpEvent(
  method: string,
  path: string,
  options: {
    token?: string;
    /** Body, sent as JSON; bytes are sent in base64, as by API Gateway. */
    body?: unknown;
    /** Raw text, in place of `body`. */
    text?: string;
    query?: string;
    headers?: Record<string, string>;
  } = {},
): unknown {
  const isBase64Encoded = Buffer.isBuffer(options.body);
  const body = Buffer.isBuffer(options.body)
    ? options.body.toString('base64')
    : options.body === undefined
      ? options.text
      : JSON.stringify(options.body);
  const length = Buffer.isBuffer(options.body) ? options.body.length : Buffer.byteLength(body ?? '');
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: options.query ?? '',
    headers: {
      host: 'example.execute-api.us-east-1.amazonaws.com',
      'x-forwarded-for': '203.0.113.7',
      'x-forwarded-proto': 'https',
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(length) }),
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
      ...options.headers,
    },
    requestContext: {
      accountId: '123456789012',
      apiId: 'example',
      domainName: 'example.execute-api.us-east-1.amazonaws.com',
      domainPrefix: 'example',
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: '203.0.113.7', userAgent: 'curl/8' },
      requestId: randomUUID(),
      routeKey: '$default',
      stage: '$default',
      time: '23/Nov/2026:09:00:00 +0000',
      timeEpoch: 1795424400000,
    },
    ...(body === undefined ? {} : { body }),
    isBase64Encoded,
  };
}

/** The messages that a schedule of the program sends in a minute, as one batch from SQS. */
export function tickBatch(run: DryRun, schedule: string): { Records: { messageId: string; body: string }[] } {
  const entries = listOf(scheduleInput(run, schedule, '2026-11-23T09:00:00Z').Entries);
  return {
    Records: entries.map((entry) => ({
      messageId: randomUUID(),
      receiptHandle: 'handle',
      body: String(at(entry, 'MessageBody')),
      attributes: { ApproximateReceiveCount: '1', SentTimestamp: '1795424400000' },
      messageAttributes: {},
      md5OfBody: '',
      eventSource: 'aws:sqs',
      eventSourceARN: `arn:aws:sqs:us-east-1:123456789012:logline-dev-${schedule}-ticks`,
      awsRegion: 'us-east-1',
    })),
  };
}

/** What EventBridge Scheduler sends for a schedule of the program that is due at `time`. */
export function scheduleInput(run: DryRun, schedule: string, time: string): Record<string, unknown> {
  const found = run.resources.find(
    ({ type, name }) => type === 'aws:scheduler/schedule:Schedule' && name === schedule,
  );
  const text = String(at(found?.inputs, 'target.input')).replaceAll('<aws.scheduler.scheduled-time>', time);
  return recordOf(JSON.parse(text));
}
