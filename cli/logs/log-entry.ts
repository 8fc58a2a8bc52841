/** One line of a log, local or of CloudWatch. */
export interface LogEntry {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** Source: a function's purpose, or `logline` for the local run. */
  readonly source: string;
  /** As written, without the line end. */
  readonly text: string;
}

/** A stream of entries, which never ends when following. */
export type LogStream = AsyncIterable<LogEntry>;
