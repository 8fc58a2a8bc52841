import { LogLine, type QueueOptions, type SpanDraft } from '../../client/src';
import { answerCalls } from './helper-process';
import { sampleSpan } from './sample-spans';

// Posts through the client's queue, in a process of its own.

/** Load: spans as fast as the queue takes them. */
export interface QueueLoad {
  readonly url: string;
  readonly token: string;
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly options: Omit<QueueOptions, 'store' | 'onRefused' | 'onStalled'>;
}

async function fill(queue: ReturnType<LogLine['queue']>, forMs: number): Promise<number> {
  const end = performance.now() + forMs;
  let added = 0;
  for (; performance.now() < end; added += 1) await queue.add(sampleSpan(added) as SpanDraft);
  return added;
}

answerCalls({
  /** Spans a second, from the first add to the answer for the last span. */
  queue: async ({ url, token, warmUpMs, measureMs, options }: QueueLoad) => {
    const queue = new LogLine({ url, token }).queue(options);
    await fill(queue, warmUpMs);
    await queue.flush();
    const started = performance.now();
    const added = await fill(queue, measureMs);
    await queue.close();
    return added / ((performance.now() - started) / 1000);
  },
});
