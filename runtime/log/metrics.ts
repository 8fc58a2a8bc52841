import type { LogDestination } from './logger';

/** Units of CloudWatch that are used here. */
export type MetricUnit = 'Count' | 'Milliseconds';

/** One measurement. */
export interface Metric {
  readonly name: string;
  readonly unit: MetricUnit;
  readonly value: number;
}

/** What is measured together. */
export interface Measurement {
  /** What the metrics are told apart by; each combination of values is a metric of its own, and is paid for. */
  readonly dimensions: Readonly<Record<string, string>>;
  readonly metrics: readonly Metric[];
  /** Written beside the metrics, to be found in the log: no dimension, no cost. Undefined members are left out. */
  readonly properties?: Readonly<Record<string, string | number | undefined>>;
}

/** Where measurements go. */
export interface Metrics {
  put(measurement: Measurement): void;
}

/** Namespace of all metrics that LogLine itself writes. */
export const METRIC_NAMESPACE = 'LogLine';

const NO_METRICS: Metrics = { put: () => undefined };

/**
 * Metrics by way of the log: CloudWatch Logs reads lines in the embedded metric format, so that a measurement costs
 * no call. Only in a Lambda (AWS_LAMBDA_FUNCTION_NAME is set); elsewhere nothing is written.
 *
 * The line goes to standard output as it is. A function with `logFormat: JSON` gets lines that are JSON objects
 * already unchanged: Lambda wraps only what goes through `console`.
 *
 * @param destination defaults to standard output
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function createMetrics(
  destination: LogDestination = process.stdout,
  env: NodeJS.ProcessEnv = process.env,
): Metrics {
  if (!env.AWS_LAMBDA_FUNCTION_NAME) return NO_METRICS;
  const stage = env.LOGLINE_STAGE ?? 'unknown';
  return {
    put(measurement) {
      destination.write(`${metricLine(measurement, stage, Date.now())}\n`);
    },
  };
}

/** One line of the embedded metric format. `Stage` is a dimension of every metric, so that stacks stay apart. */
export function metricLine(measurement: Measurement, stage: string, nowMs: number): string {
  const dimensions = { Stage: stage, ...measurement.dimensions };
  return JSON.stringify({
    _aws: {
      Timestamp: nowMs,
      CloudWatchMetrics: [
        {
          Namespace: METRIC_NAMESPACE,
          Dimensions: [Object.keys(dimensions)],
          Metrics: measurement.metrics.map(({ name, unit }) => ({ Name: name, Unit: unit })),
        },
      ],
    },
    // Lambda's filter by level goes by these two.
    level: 'INFO',
    timestamp: new Date(nowMs).toISOString(),
    ...measurement.properties,
    ...dimensions,
    ...Object.fromEntries(measurement.metrics.map(({ name, value }) => [name, value])),
  });
}
