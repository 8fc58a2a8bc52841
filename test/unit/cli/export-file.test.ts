import assert from 'node:assert/strict';
import { appendFile, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { digestFault, readDigest } from '../../../cli/export/digest';
import { ExportFile, partFileOf, stateFileOf } from '../../../cli/export/export-file';
import { type ExportState, NOTHING_READ, readState } from '../../../cli/export/export-state';
import { bar } from '../../../cli/export/progress';
import type { SignedSpan } from '../../../runtime/base/span';
import { blake3, cryptoReady, generateSigningKey, hex } from '../../../runtime/crypto';
import { cleanUp, temporaryFolder } from '../../support/local-run';
import { signedSpan } from '../../support/spans';

const BEGINNING: ExportState = {
  plan: { tenant: 'acme', users: ['alice'], since: null, source: 'http://127.0.0.1' },
  request: 'r',
  ...NOTHING_READ,
};

describe('export file', () => {
  let folder: string;
  const key = generateSigningKey();

  before(cryptoReady);
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => cleanUp(folder));

  function spans(count: number): SignedSpan[] {
    return Array.from({ length: count }, () => signedSpan({}, key));
  }

  function behind(cursor: string) {
    return { part: 1, cursor, pageCursor: cursor };
  }

  for (const name of ['out.ndjson', 'out.ndjson.gz']) {
    it(`resumes after the last durable line, whatever an interruption left in ${name}.part`, async () => {
      const out = path.join(folder, name);
      const [first, lost, second] = [spans(3), spans(2), spans(2)];
      const interrupted = await ExportFile.open(out, BEGINNING);
      await interrupted.add(first, behind('c1'));
      await interrupted.flush();
      const [part, safe] = await Promise.all([readFile(partFileOf(out)), readFile(stateFileOf(out))]);
      // Added but not flushed, and half written, as if the process had been killed.
      await interrupted.add(lost, behind('c2'));
      await interrupted.discard();
      await writeFile(stateFileOf(out), safe);
      await writeFile(partFileOf(out), part);
      await appendFile(partFileOf(out), `{"id":"${'half a li'.repeat(10_000)}`);

      const state = await readState(stateFileOf(out));
      assert.ok(state);
      assert.deepEqual([state.spans, state.cursor], [3, 'c1']);
      const continued = await ExportFile.open(out, state);
      await continued.add(second, { part: 2, cursor: null, pageCursor: 'c3' });
      const digest = await continued.finish(true, null, null);

      const bytes = await readFile(out);
      const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
      assert.equal(text, [...first, ...second].map((span) => `${JSON.stringify(span)}\n`).join(''));
      assert.equal(digest.blake3, hex(blake3(bytes)));
      assert.deepEqual(
        [digest.spans, digest.bytes, digest.first_cursor, digest.last_cursor],
        [5, bytes.length, 'c1', 'c3'],
      );
      assert.deepEqual(digest.public_keys, { [key.publicKeyHex]: 5 });
      assert.deepEqual((await readdir(folder)).sort(), [name, `${name}.digest.json`]);
      const read = await readDigest(out);
      assert.ok(read);
      assert.equal(await digestFault(out, read), undefined);
    });
  }

  it('appears only when it is whole', async () => {
    const out = path.join(folder, 'out.ndjson');
    const file = await ExportFile.open(out, BEGINNING);
    await file.add(spans(1), behind('c1'));
    await file.flush();
    assert.deepEqual((await readdir(folder)).sort(), ['out.ndjson.part', 'out.ndjson.part.json']);
    await file.leave();
    assert.match(await readFile(partFileOf(out), 'utf8'), /^[^\n]+\n$/);
  });

  it('is not continued on a part that has become shorter', async () => {
    const out = path.join(folder, 'out.ndjson');
    const file = await ExportFile.open(out, BEGINNING);
    await file.add(spans(2), behind('c1'));
    await file.leave();
    await truncate(partFileOf(out), 10);
    await assert.rejects(ExportFile.open(out, file.state), /shorter than it was; start again with --force/);
  });

  it('leaves nothing behind when it is given up', async () => {
    const file = await ExportFile.open(path.join(folder, 'out.ndjson'), BEGINNING);
    await file.add(spans(1), behind('c1'));
    await file.flush();
    await file.discard();
    assert.deepEqual(await readdir(folder), []);
  });

  it('differs from its digest when one byte changes', async () => {
    const out = path.join(folder, 'out.ndjson');
    const file = await ExportFile.open(out, BEGINNING);
    await file.add(spans(1), behind('c1'));
    await file.finish(true, null, null);
    await appendFile(out, ' ');
    const digest = await readDigest(out);
    assert.ok(digest);
    assert.match((await digestFault(out, digest)) ?? '', /^digest: out\.ndjson hashes to [0-9a-f]{64}, but /);
  });

  it('shows a bar only where the end is known, and never more than full', () => {
    assert.equal(bar(5, undefined), '');
    assert.equal(bar(5, 10), '[###############...............] 50%  ');
    assert.equal(bar(20, 10), `[${'#'.repeat(30)}] 100%  `);
  });
});
