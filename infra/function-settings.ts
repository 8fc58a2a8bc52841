import { READER_PROBES } from '../runtime/db/reader';
import { connectionLimit } from '../runtime/db/roles';
import { CONNECTIONS_PER_INSTANCE } from '../runtime/lambda/environment';
import type { SettingsReader } from './settings-reader';

/** `logline:functions`: memory, log retention and concurrency. */
export interface FunctionSettings {
  /** Memory in MB of Stage-0 and of the kernels that run user code, 256–3,008. Defaults to 512. */
  readonly memoryMb: number;
  /** Log retention in days; one of the values that CloudWatch allows. Defaults to 30. */
  readonly logRetentionDays: number;
  /** Concurrent executions of a scheduled kernel, 2 (AWS's minimum) to 10. Defaults to 2. */
  readonly tickConcurrency: number;
  /**
   * Concurrent executions of Stage-0, so that a burst cannot exhaust the connections of a small database; calls beyond it
   * get 503. Reserved from the account's limit, of which 100 must stay unreserved. Defaults to what the database's
   * connections allow; `none` (undefined here) leaves it to the account's limit.
   */
  readonly apiConcurrency: number | undefined;
}

/** Days that CloudWatch Logs accepts as retention, up to ten years. */
const LOG_RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

/** Share of `logline_app`'s connections for the API; the kernels get the rest. */
const API_SHARE = 0.5;

/** Largest concurrency of Stage-0 that leaves the kernels their share of connections. */
export function fittingConcurrency(maxConnections: number): number {
  const limit = connectionLimit('app', maxConnections);
  const onWriter = (limit * API_SHARE) / CONNECTIONS_PER_INSTANCE;
  const onReader = limit / (CONNECTIONS_PER_INSTANCE + READER_PROBES);
  return Math.max(2, Math.min(1_000, Math.floor(Math.min(onWriter, onReader))));
}

/** Reads the group `functions`; `apiConcurrency` defaults to what `maxConnections` allow. */
export function readFunctions(root: SettingsReader, maxConnections: number): FunctionSettings {
  const reader = root.object('functions', [
    'memoryMb',
    'logRetentionDays',
    'tickConcurrency',
    'apiConcurrency',
  ]);
  return {
    memoryMb: reader.integer('memoryMb', { min: 256, max: 3_008, fallback: 512 }),
    logRetentionDays: reader.numberOf('logRetentionDays', LOG_RETENTION_DAYS, 30),
    tickConcurrency: reader.integer('tickConcurrency', { min: 2, max: 10, fallback: 2 }),
    apiConcurrency: reader.is('apiConcurrency', 'none')
      ? undefined
      : reader.integer('apiConcurrency', {
          min: 1,
          max: 1_000,
          fallback: fittingConcurrency(maxConnections),
        }),
  };
}
