/** One line of a log, wherever it came from. */
export interface LogEntry {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** Short name of who wrote it: a function's purpose, or `logline` for the local run. */
  readonly source: string;
  /** As written, without the line end. */
  readonly text: string;
}

/** Where entries come from; ends when there are no more, or never when following. */
export type LogStream = AsyncIterable<LogEntry>;
