import { once } from 'node:events';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { dataDirectory } from '../../local/data-directory';
import { StopSignal } from '../../local/stop-signal';
import { useRegionOf } from '../aws/stack-access';
import { functionName, stackSettings } from '../aws/stack-file';
import { textMember } from '../ledger-api';
import { timestampOption } from '../timestamp-option';
import { cloudWatchLog } from './cloudwatch-log';
import { type LogSelection, selectionOf } from './function-alias';
import { localFilter } from './local-filter';
import { localLog } from './local-log';
import type { LogStream } from './log-entry';
import { mergeAsTheyCome, mergeByTime } from './merge-streams';
import { EntryPrinter } from './print-entry';

/** Options of `logline logs`. */
export interface LogsOptions {
  readonly stack?: string;
  readonly follow?: boolean;
  readonly since: string;
  readonly filter?: string;
  readonly json?: boolean;
}

/** Prints a stack's logs, or the local run's; with `follow` until Ctrl-C. */
export async function showLogs(word: string, options: LogsOptions): Promise<void> {
  const selection = selectionOf(word);
  const sinceMs = Date.parse(timestampOption(options.since, '--since') ?? '');
  const stop = new StopSignal(() => process.exit(130));
  const abort = new AbortController();
  void stop.requested.then(() => abort.abort());
  try {
    const { stream, width } =
      options.stack === undefined
        ? localStream(selection, options, sinceMs, abort.signal)
        : stackStream(options.stack, selection, options, sinceMs, abort.signal);
    await print(stream, new EntryPrinter(options.json === true, width), abort.signal);
  } finally {
    stop.dispose();
  }
}

async function print(stream: LogStream, printer: EntryPrinter, signal: AbortSignal): Promise<void> {
  for await (const entry of stream) {
    if (signal.aborted) return;
    // Backpressure: a slow reader of our output must not fill the memory.
    if (!process.stdout.write(printer.line(entry))) {
      await once(process.stdout, 'drain', { signal }).catch(() => undefined);
    }
  }
}

interface Source {
  readonly stream: LogStream;
  /** Width of the source column. */
  readonly width: number;
}

function stackStream(
  stack: string,
  { functions, job }: LogSelection,
  options: LogsOptions,
  sinceMs: number,
  signal: AbortSignal,
): Source {
  const settings = stackSettings(stack);
  useRegionOf(settings);
  const client = new CloudWatchLogsClient({ region: settings.region });
  const follow = options.follow === true;
  const streams = functions.map((purpose) =>
    cloudWatchLog({
      client,
      logGroupName: `/aws/lambda/${functionName(settings, purpose)}`,
      source: purpose,
      sinceMs,
      filterPattern: options.filter ?? (job === undefined ? undefined : `"${job}"`),
      follow,
      signal,
      onMissing: () =>
        void process.stderr.write(
          `logline: ${purpose} has no log; is stack "${stack}" deployed in ${settings.region}?\n`,
        ),
    }),
  );
  return {
    stream: follow ? mergeAsTheyCome(streams) : mergeByTime(streams),
    width: Math.max(...functions.map((purpose) => purpose.length)),
  };
}

/** The local run writes one log; a function's lines are selected by its jobs. */
function localStream(
  { functions, job }: LogSelection,
  options: LogsOptions,
  sinceMs: number,
  signal: AbortSignal,
): Source {
  const filter = localFilter(options.filter);
  const isAll = functions.length > 1;
  const names = new Set<string>(job === undefined ? functions : [job]);
  const stream = localLog({
    file: dataDirectory().log,
    sinceMs,
    isWanted: (text, line) =>
      (isAll || names.has(textMember(line, 'function') ?? textMember(line, 'kernel') ?? 'stage0')) &&
      filter(text, line),
    follow: options.follow === true,
    signal,
  });
  return {
    stream,
    width: isAll
      ? Math.max(...functions.map(({ length }) => length))
      : Math.max(...[...names].map(({ length }) => length)),
  };
}
