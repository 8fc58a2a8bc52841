import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { appendFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FileStore } from '../../../client/src/node';

const text = (thing: string) => JSON.stringify({ id: thing, entity_type: 'note', who: 'test', this: thing });

describe('the file store', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'logline-store-'));
    file = path.join(folder, 'queue.ndjson');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const left = async (): Promise<readonly string[]> => {
    const store = new FileStore(file);
    const spans = await store.open();
    await store.close();
    return spans.map(({ n, text }) => `${n} ${text}`);
  };

  it('returns unsettled spans in order and unchanged', async () => {
    const store = new FileStore(file);
    assert.deepEqual(await store.open(), []);
    await store.add([
      { n: 1, text: text('a') },
      { n: 2, text: text('ü "quoted"') },
    ]);
    await Promise.all([
      store.add([{ n: 3, text: text('c') }]),
      store.add([{ n: 4, text: text('d') }]),
      store.done([1, 3]),
    ]);
    await store.close();
    assert.deepEqual(await left(), [`2 ${text('ü "quoted"')}`, `4 ${text('d')}`]);
  });

  it('ignores a torn last line, and appends after the last complete one', async () => {
    const store = new FileStore(file);
    await store.open();
    await store.add([{ n: 1, text: text('a') }]);
    await store.close();
    for (const torn of ['{"n":2,"sp', '{"n":2,"span":{"id":"b"}}']) {
      await appendFile(file, torn);
      assert.deepEqual(await left(), [`1 ${text('a')}`]);
    }
  });

  it('refuses a file that is damaged in the middle instead of losing the rest', async () => {
    await writeFile(file, `{"n":1,"span":{}}\n???\n{"n":2,"span":{}}\n`);
    await assert.rejects(new FileStore(file).open(), /line 2, is damaged/);
    await truncate(file);
    assert.deepEqual(await left(), []);
  });

  it('allows one writer: a second gets an error that names the first', async () => {
    const store = new FileStore(file);
    await store.open();
    await assert.rejects(new FileStore(file).open(), /takes one writer/);
    const other = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)'], { stdio: 'ignore' });
    try {
      await store.close();
      const start = (await readFile(`/proc/${other.pid}/stat`, 'utf8').catch(() => ') '))
        .split(') ')[1]
        ?.split(' ')[19];
      await writeFile(`${file}.lock`, `${other.pid} ${start ?? ''}\n`);
      await assert.rejects(new FileStore(file).open(), new RegExp(`held by process ${other.pid}`));
    } finally {
      other.kill('SIGKILL');
    }
    await new Promise((resolve) => other.once('close', resolve));
    assert.deepEqual(await left(), []);
  });

  it('opens when its last writer died: by its number, or by a number that is another now', async () => {
    for (const lock of ['4194305 123\n', `${process.pid} 1\n`, `${process.ppid} 1\n`, 'rubbish']) {
      await writeFile(`${file}.lock`, lock);
      assert.deepEqual(await left(), [], lock);
    }
  });

  it('keeps only unsettled spans after many have passed through', async () => {
    const store = new FileStore(file);
    await store.open();
    const long = text('x'.repeat(100_000));
    for (let n = 1; n <= 40; n += 1) {
      await store.add([{ n, text: long }]);
      await store.done([n]);
      assert.ok((await stat(file)).size < 1.3 * 2 ** 20);
    }
    await store.close();
    assert.deepEqual(await left(), []);
  });
});
