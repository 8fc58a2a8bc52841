import type { RegisteredResource } from '../../infra/dry-run';
import { type CostLine, line, round, thousands } from './cost-line';
import { HOURS, MINUTES } from './month';
import prices from './prices.json';
import { ofType, type Resources } from './resources';
import type { Usage } from './usage';

/** Log lines of one call in KB: 1 for a request, half of that for a tick, on average. */
const LOG_KB_PER_CALL = 0.7;
/** Polls of an empty queue a month: Lambda runs five pollers, each with one call every 20 s. */
const POLLS_PER_QUEUE = 5 * 3 * MINUTES;

/** KB that leave AWS for a request, and KB between zones for a function call. */
const OUT_KB_PER_REQUEST = 10;
const ZONE_KB_PER_CALL = 10;
/** Warm instances of all functions, each of which reads its keys every five minutes. */
const WARM_INSTANCES = 8;
const KEY_READS = WARM_INSTANCES * HOURS * 12;

/** X-Ray's default rule: the first request of each second and 5 % of the others. */
const SAMPLED_FIRST = HOURS * 3600;
const SAMPLED_SHARE = 0.05;

/** Costs by use: ticks are counted from the schedules, requests are assumed. */
export function callLines(resources: Resources, usage: Usage): CostLine[] {
  const schedules = ofType(resources, 'aws:scheduler/schedule:Schedule');
  const perMinute = schedules.filter(({ inputs }) => inputs.scheduleExpression === 'rate(1 minute)');
  const ticks = perMinute.reduce((sum, schedule) => sum + ticksPerMinute(schedule) * MINUTES, 0);
  const queues = ofType(resources, 'aws:lambda/eventSourceMapping:EventSourceMapping').length;
  const calls = ticks + usage.requests;
  const gb = averageMemoryGb(resources);
  const runs = perMinute.length * MINUTES;
  const sqs = runs + ticks + queues * POLLS_PER_QUEUE;
  const traced = Math.min(usage.requests, SAMPLED_FIRST + SAMPLED_SHARE * (usage.requests - SAMPLED_FIRST));
  const millions = (count: number) => count / 1_000_000;
  return [
    line(
      'function calls',
      millions(calls) * prices.lambda_million,
      `${thousands(ticks)} ticks, ${thousands(usage.requests)} requests assumed`,
    ),
    line(
      'function time',
      calls * usage.secondsPerCall * gb * prices.lambda_gb_second,
      `${usage.secondsPerCall} s a call assumed, ${gb} GB on average`,
    ),
    line(
      'API',
      millions(usage.requests) * prices.api_million,
      `${thousands(usage.requests)} requests assumed`,
    ),
    line(
      'queues',
      millions(sqs) * prices.sqs_million,
      `${thousands(sqs)} calls: ticks, and the polling of ${queues} queues`,
    ),
    line(
      'reading of secrets',
      millions(KEY_READS) * (prices.secret_call_million + prices.kms_call_million),
      `${thousands(KEY_READS)} calls of Secrets Manager and of KMS, ${WARM_INSTANCES} warm instances assumed`,
    ),
    ...dataOutLines(resources, usage),
    // A cent for each direction; half of the calls come from the other zone.
    line(
      'data between zones',
      ((calls * ZONE_KB_PER_CALL) / 1024 ** 2) * prices.zone_gb,
      `${ZONE_KB_PER_CALL} KB a call assumed, every second one between zones`,
    ),
    line('schedules', millions(runs) * prices.schedule_million, `${thousands(runs)} runs`),
    line('traces', millions(traced) * prices.trace_million, `${thousands(traced)} requests`),
    line(
      'logs',
      ((calls * LOG_KB_PER_CALL) / 1024 ** 2) * prices.log_gb,
      `${LOG_KB_PER_CALL} KB a call assumed`,
    ),
  ];
}

function ticksPerMinute(schedule: RegisteredResource): number {
  const target = schedule.inputs.target;
  const input =
    typeof target === 'object' && target !== null && 'input' in target ? String(target.input) : '{}';
  const parsed: unknown = JSON.parse(input);
  return typeof parsed === 'object' && parsed !== null && 'Entries' in parsed && Array.isArray(parsed.Entries)
    ? parsed.Entries.length
    : 1;
}

/** Data out to CloudFront is free; from CloudFront to callers it is not. */
function dataOutLines(resources: Resources, { requests }: Usage): CostLine[] {
  const isEdge = ofType(resources, 'aws:cloudfront/distribution:Distribution').length > 0;
  return [
    line(
      'data out',
      ((requests * OUT_KB_PER_REQUEST) / 1024 ** 2) *
        (isEdge ? prices.cloudfront_out_gb : prices.data_out_gb),
      `${OUT_KB_PER_REQUEST} KB a request assumed${isEdge ? ', by CloudFront' : ''}`,
    ),
  ];
}

function averageMemoryGb(resources: Resources): number {
  const sizes = ofType(resources, 'aws:lambda/function:Function').map(({ inputs }) =>
    Number(inputs.memorySize),
  );
  return round(sizes.reduce((sum, size) => sum + size, 0) / Math.max(sizes.length, 1) / 1024);
}
