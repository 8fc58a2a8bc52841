import {
  type CloudWatchLogsClient,
  FilterLogEventsCommand,
  type FilterLogEventsCommandOutput,
} from '@aws-sdk/client-cloudwatch-logs';
import { OperatorError } from '../../local/operator-error';
import { explainAwsError } from '../aws/aws-error';
import type { LogEntry } from './log-entry';

/** Options of {@link cloudWatchLog}. */
export interface CloudWatchLogOptions {
  readonly client: CloudWatchLogsClient;
  readonly logGroupName: string;
  /** Source shown for the entries. */
  readonly source: string;
  readonly sinceMs: number;
  /** Filter in CloudWatch Logs' syntax; undefined for all entries. */
  readonly filterPattern: string | undefined;
  readonly follow: boolean;
  readonly signal: AbortSignal;
  /** Called when the log group does not exist, which is normal for a function that never ran. */
  readonly onMissing: () => void;
  /** Milliseconds between two polls. Defaults to 2000. */
  readonly pollMs?: number;
}

/** Entries in one answer, which bounds the memory for one function. */
const PAGE_ENTRIES = 500;
/** CloudWatch may deliver an entry this many milliseconds after a later one of another instance. */
const LATE_MS = 15_000;
const POLL_MS = 2_000;

/**
 * The entries of one log group, oldest first. When following, each poll reads the last seconds again and skips entries
 * whose id was seen.
 * @throws OperatorError when CloudWatch refuses or does not answer
 */
export async function* cloudWatchLog(options: CloudWatchLogOptions): AsyncGenerator<LogEntry> {
  const { source, follow, signal } = options;
  const given = new Map<string, number>();
  let fromMs = options.sinceMs;
  while (!signal.aborted) {
    let newestMs = fromMs;
    for await (const { events = [] } of pages(options, fromMs)) {
      for (const { eventId = '', timestamp = 0, message = '' } of events) {
        if (given.has(eventId)) continue;
        if (follow) given.set(eventId, timestamp);
        newestMs = Math.max(newestMs, timestamp);
        yield { atMs: timestamp, source, text: message.replace(/\n+$/, '') };
      }
    }
    if (!follow) return;
    fromMs = Math.max(options.sinceMs, newestMs - LATE_MS);
    for (const [id, atMs] of given) if (atMs < fromMs) given.delete(id);
    await pause(options.pollMs ?? POLL_MS, signal);
  }
}

async function* pages(
  { client, logGroupName, filterPattern, signal, onMissing }: CloudWatchLogOptions,
  fromMs: number,
): AsyncGenerator<FilterLogEventsCommandOutput> {
  let nextToken: string | undefined;
  do {
    let page: FilterLogEventsCommandOutput;
    try {
      page = await client.send(
        new FilterLogEventsCommand({
          logGroupName,
          startTime: fromMs,
          limit: PAGE_ENTRIES,
          ...(filterPattern === undefined ? {} : { filterPattern }),
          ...(nextToken === undefined ? {} : { nextToken }),
        }),
        { abortSignal: signal },
      );
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Error && error.name === 'ResourceNotFoundException') return onMissing();
      throw explainLogError(error, logGroupName);
    }
    yield page;
    nextToken = page.nextToken;
  } while (nextToken !== undefined && !signal.aborted);
}

function explainLogError(error: unknown, logGroupName: string): OperatorError {
  if (error instanceof Error && error.name === 'InvalidParameterException' && /filter/i.test(error.message)) {
    return new OperatorError(
      `--filter is no pattern of CloudWatch Logs (${error.message}); for a text: '"like this"', for a member: '{ $.outcome = "error" }'`,
      { exitCode: 2, cause: error },
    );
  }
  return explainAwsError(error, `read the log ${logGroupName}`);
}

/** Sleeps until the time is over or `signal` aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
