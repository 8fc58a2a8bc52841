import type { LogDestination } from './logger';

/** CloudWatch units in use. */
export type MetricUnit = 'Count' | 'Milliseconds';

/** One measurement. */
export interface Metric {
  readonly name: string;
  readonly unit: MetricUnit;
  readonly value: number;
}

/** Metrics with the same dimensions, written together. */
export interface Measurement {
  /** Each combination of values is a separate metric, which AWS charges for. */
  readonly dimensions: Readonly<Record<string, string>>;
  readonly metrics: readonly Metric[];
  /** Searchable in the log at no extra cost, since they are no dimensions. Undefined members are omitted. */
  readonly properties?: Readonly<Record<string, string | number | undefined>>;
}

/** A sink of measurements. */
export interface Metrics {
  put(measurement: Measurement): void;
}

/** Namespace of all metrics that LogLine itself writes. */
export const METRIC_NAMESPACE = 'LogLine';

const NO_METRICS: Metrics = { put: () => undefined };

/**
 * Writes metrics to the log in CloudWatch's embedded metric format, so that a measurement needs no API call. Writes
 * nothing outside Lambda (AWS_LAMBDA_FUNCTION_NAME is unset).
 *
 * Lines go to standard output, not `console`: with `logFormat: JSON`, Lambda leaves lines that are JSON objects
 * unchanged but wraps what goes through `console`.
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

/** One line of the embedded metric format. `Stage` is a dimension of every metric, to separate stacks. */
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
    // Lambda filters by level using these two.
    level: 'INFO',
    timestamp: new Date(nowMs).toISOString(),
    ...measurement.properties,
    ...dimensions,
    ...Object.fromEntries(measurement.metrics.map(({ name, value }) => [name, value])),
  });
}
