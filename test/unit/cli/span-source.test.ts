import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Found, spansOfFile } from '../../../cli/verify/span-source';
import { OperatorError } from '../../../local/operator-error';

describe('spansOfFile', () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'logline-source-'));
  });

  after(() => rm(folder, { recursive: true }));

  async function read(name: string, content: string | Uint8Array): Promise<Found[]> {
    const file = path.join(folder, name);
    await writeFile(file, content);
    return collect(spansOfFile(file));
  }

  async function collect(source: AsyncIterable<Found>): Promise<Found[]> {
    const found = [];
    for await (const item of source) found.push(item);
    return found;
  }

  const LINES = '{"a":1}\n\n{"b":"é"}\r\n{"c":3}';
  const SPANS = [
    { location: 'line 1', span: { a: 1 }, line: Buffer.from('{"a":1}') },
    { location: 'line 3', span: { b: 'é' }, line: Buffer.from('{"b":"é"}\r') },
    { location: 'line 4', span: { c: 3 }, line: Buffer.from('{"c":3}') },
  ];

  it('reads one span a line and skips blank lines', async () => {
    assert.deepEqual(await read('plain.ndjson', LINES), SPANS);
  });

  it('unpacks .gz', async () => {
    assert.deepEqual(await read('packed.ndjson.gz', gzipSync(LINES)), SPANS);
  });

  it('continues after a line that is no JSON', async () => {
    const found = await read('broken.ndjson', '{"a":\n{"b":2}\n');
    assert.equal(found.length, 2);
    assert.ok(found[0] && 'unreadable' in found[0]);
  });

  it('does not let a number pass that no double holds, which would verify as its neighbour', async () => {
    const found = await read('big.ndjson', '{"a":9007199254740993}\n');
    assert.ok(found[0] && 'unreadable' in found[0]);
  });

  it('never holds an endless line in memory', async () => {
    const found = await read(
      'endless.ndjson',
      Buffer.concat([Buffer.alloc(9 * 1024 * 1024, 'x'), Buffer.from('\n{"a":1}\n')]),
    );
    assert.deepEqual(
      found.map(({ location }) => location),
      ['line 1', 'line 2'],
    );
    assert.ok(found[0] && 'unreadable' in found[0]);
  });

  it('explains a missing file and a damaged archive in one line', async () => {
    await assert.rejects(collect(spansOfFile(path.join(folder, 'none'))), OperatorError);
    await assert.rejects(read('cut.gz', gzipSync(LINES).subarray(0, 30)), OperatorError);
  });
});
