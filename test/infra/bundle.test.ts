import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { buildLayer, hashTree, type LayerSpec } from '../../infra/bundle';
import { rdsCertificates } from '../../infra/rds-certificates';

describe('a layer', () => {
  let root: string;
  const spec: LayerSpec = {
    packageName: 'logline-kernels',
    entries: { index: 'src/index.ts', worker: 'src/worker.ts' },
    files: { sql: 'sql' },
  };

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'logline-bundle-'));
    mkdirSync(join(root, 'src'));
    mkdirSync(join(root, 'sql/seeds'), { recursive: true });
    writeFileSync(
      join(root, 'src/part.ts'),
      'export class Part { #x = 1; get x(): number { return this.#x; } }\n',
    );
    writeFileSync(
      join(root, 'src/index.ts'),
      "import { Part } from './part';\nexport const createHandler = () => new Part().x;\n",
    );
    writeFileSync(
      join(root, 'src/worker.ts'),
      "import { Part } from './part';\nexport const part = new Part();\n",
    );
    writeFileSync(join(root, 'sql/000001_a.sql'), 'SELECT 1;\n');
    writeFileSync(join(root, 'sql/seeds/b.json'), '{}\n');
  });

  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const build = (outDirectory = join(root, '.build')) => buildLayer('kernels', { root, outDirectory, spec });

  it('is a package that a handler can require from /opt', () => {
    const layer = build();
    const loaded = require(join(layer.directory, 'nodejs/node_modules/logline-kernels'));
    assert.equal(loaded.createHandler(), 1);
    assert.ok(existsSync(join(layer.directory, 'nodejs/node_modules/logline-kernels/worker.js')));
    assert.equal(
      readFileSync(join(layer.directory, 'nodejs/node_modules/logline-kernels/sql/000001_a.sql'), 'utf8'),
      'SELECT 1;\n',
    );
  });

  it('has the same bytes when it is built again, later and elsewhere', () => {
    const first = build();
    const before = readFileSync(first.zipPath);
    utimesSync(join(root, 'src/index.ts'), new Date(0), new Date(0));
    const second = build(join(root, 'elsewhere'));
    assert.equal(second.hash, first.hash);
    assert.ok(before.equals(readFileSync(second.zipPath)));
  });

  it('has other bytes when a source or a migration changes', () => {
    const first = build().hash;
    writeFileSync(join(root, 'src/part.ts'), 'export class Part { x = 2; }\n');
    const second = build().hash;
    writeFileSync(join(root, 'sql/000001_a.sql'), 'SELECT 2;\n');
    assert.equal(new Set([first, second, build().hash]).size, 3);
  });

  it('names no folder of the machine that built it', () => {
    const layer = build();
    for (const [path, bytes] of Object.entries(unzipSync(readFileSync(layer.zipPath)))) {
      assert.ok(!Buffer.from(bytes).includes(root), path);
    }
  });

  it('has exactly the files of its folder in its archive', () => {
    const layer = build();
    const files = unzipSync(readFileSync(layer.zipPath));
    assert.deepEqual(Object.keys(files), [...Object.keys(files)].sort());
    for (const [path, bytes] of Object.entries(files)) {
      assert.ok(readFileSync(join(layer.directory, path)).equals(Buffer.from(bytes)), path);
    }
    assert.ok(!Object.keys(files).some((path) => path.endsWith('.map')));
  });

  it('has the same archive in every time zone', () => {
    const zone = process.env.TZ;
    try {
      const archives = ['UTC', 'Pacific/Kiritimati', 'America/Los_Angeles'].map((name) => {
        process.env.TZ = name;
        return readFileSync(build(join(root, name)).zipPath).toString('base64');
      });
      assert.equal(new Set(archives).size, 1);
    } finally {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    }
  });

  it('makes the files in its archive readable for all, since another user runs them', () => {
    const archive = readFileSync(build().zipPath);
    const files = Object.keys(unzipSync(archive));
    // PKWARE APPNOTE 6.3, 4.3.12: the lines of the directory, each with the system that made it and its mode.
    const modes = [];
    for (let at = 0; ; at += 4) {
      at = archive.indexOf(Buffer.from('PK\u0001\u0002'), at);
      if (at < 0) break;
      modes.push([archive.readUInt8(at + 5), archive.readUInt32LE(at + 38) >>> 16]);
    }
    assert.deepEqual(
      modes,
      files.map(() => [3, 0o100644]),
    );
  });

  it('without its entry file is refused by name', () => {
    rmSync(join(root, 'src/worker.ts'));
    assert.throws(build, /logline-kernels: src\/worker\.ts does not exist/);
  });
});

describe('the certificates in a layer', () => {
  it('are the one root that signs the database of the region', () => {
    const [pem = '', ...others] = rdsCertificates('us-east-1');
    assert.deepEqual(others, []);
    const certificate = new X509Certificate(pem);
    assert.match(certificate.subject, /Amazon RDS us-east-1 Root CA RSA2048 G1/);
    assert.ok(certificate.ca);
    assert.ok(Date.parse(certificate.validTo) > Date.UTC(2050, 0));
  });

  it('are those of all regions when the region is unknown', () => {
    assert.deepEqual(rdsCertificates('xx-nowhere-1'), []);
  });
});

describe('the hash of a folder', () => {
  it('changes with a name, with a content, and with where one file ends and the next begins', () => {
    const root = mkdtempSync(join(tmpdir(), 'logline-hash-'));
    const hashOf = (files: Record<string, string>) => {
      rmSync(root, { recursive: true, force: true });
      mkdirSync(root);
      for (const [name, text] of Object.entries(files)) {
        writeFileSync(join(root, name), text);
      }
      return hashTree(root);
    };
    const hashes = [
      hashOf({ a: '1', b: '2' }),
      hashOf({ a: '1', c: '2' }),
      hashOf({ a: '1', b: '3' }),
      hashOf({ a: '12', b: '' }),
      hashOf({ a: '1' }),
    ];
    assert.equal(new Set(hashes).size, hashes.length);
    assert.equal(hashOf({ b: '2', a: '1' }), hashes[0]);
    rmSync(root, { recursive: true, force: true });
  });
});
