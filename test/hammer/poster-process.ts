import { LogLine } from '../../client/src';
import { FileStore } from '../../client/src/node';
import { numberedSpan } from './numbered-span';

// A client program: `poster-process.ts FIRST COUNT STORE`, with URL and TOKEN in the environment. Prints its progress, from
// which it resumes after a kill -9.

const TOGETHER = 100;

async function main(): Promise<void> {
  const [first = '0', count = '0', store = ''] = process.argv.slice(2);
  const { URL: url = '', TOKEN: token = '' } = process.env;
  const ledger = new LogLine({ url, token });
  const queue = ledger.queue({
    store: new FileStore(store),
    onRefused: ({ error }) => console.log(`refused ${error.message}`),
    onStalled: (error) => console.log(`stalled ${error instanceof Error ? error.message : error}`),
  });
  for (let n = Number(first); n < Number(count); n += TOGETHER) {
    const numbers = Array.from({ length: Math.min(TOGETHER, Number(count) - n) }, (_, index) => n + index);
    await Promise.all(numbers.map((number) => queue.add(numberedSpan(number))));
    console.log(`added ${n + numbers.length}`);
  }
  while (queue.size > 0) await queue.flush().catch(() => undefined);
  await queue.close();
  console.log('done');
}

void main();
