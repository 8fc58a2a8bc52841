import type { LogEntry, LogStream } from './log-entry';

/**
 * Merges finite logs by time; holds one entry of each.
 */
export async function* mergeByTime(streams: readonly LogStream[]): AsyncGenerator<LogEntry> {
  const heads = streams.map((stream) => stream[Symbol.asyncIterator]());
  const next = await Promise.all(heads.map((head) => head.next()));
  for (;;) {
    let oldest: { index: number; entry: LogEntry } | undefined;
    for (const [index, result] of next.entries()) {
      if (result.done) continue;
      if (oldest === undefined || result.value.atMs < oldest.entry.atMs)
        oldest = { index, entry: result.value };
    }
    if (oldest === undefined) return;
    yield oldest.entry;
    const head = heads[oldest.index];
    if (head !== undefined) next[oldest.index] = await head.next();
  }
}

/**
 * Merges endless logs in order of arrival; holds one entry of each.
 */
export async function* mergeAsTheyCome(streams: readonly LogStream[]): AsyncGenerator<LogEntry> {
  type Head = AsyncIterator<LogEntry>;
  const advance = (head: Head) => head.next().then((result) => ({ head, result }));
  const waiting = new Map<Head, ReturnType<typeof advance>>();
  for (const stream of streams) {
    const head = stream[Symbol.asyncIterator]();
    waiting.set(head, advance(head));
  }
  while (waiting.size > 0) {
    const { head, result } = await Promise.race(waiting.values());
    if (result.done) {
      waiting.delete(head);
      continue;
    }
    waiting.set(head, advance(head));
    yield result.value;
  }
}
