import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { layoutFaults, sourceFiles } from '../support/layout';

const ROOT = path.join(__dirname, '..', '..');

describe('layout', () => {
  it('a room imports only what the table allows, kernels/ import no values from outside, and there are no import cycles', function () {
    this.timeout(120_000);
    const files = sourceFiles(ROOT);
    assert.ok(files.length > 400, `only ${files.length} files were looked at`);
    assert.deepEqual(layoutFaults(ROOT, files), []);
  });

  const planted: readonly {
    readonly rule: string;
    readonly files: Record<string, string>;
    readonly fault: RegExp;
  }[] = [
    {
      rule: 'a value taken from a room above',
      files: {
        'runtime/json/a.ts': `import { b } from '../ledger/b';\nexport const a = b;\n`,
        'runtime/ledger/b.ts': 'export const b = 1;\n',
      },
      fault: /runtime\/json\/a\.ts imports a value of runtime\/ledger\/b\.ts: runtime\/json may not/,
    },
    {
      rule: 'a type taken from a room above',
      files: {
        'runtime/base/a.ts': `export type { B } from '../db/b';\n`,
        'runtime/db/b.ts': 'export type B = 1;\n',
      },
      fault: /imports a type of runtime\/db\/b\.ts/,
    },
    {
      rule: 'a value that a kernel takes from outside kernels/',
      files: {
        'runtime/kernels/toy.ts': `import { b } from '../base/b';\nexport const main = b;\n`,
        'runtime/base/b.ts': 'export const b = 1;\n',
      },
      fault: /runtime\/kernels\/toy\.ts imports a value of runtime\/base\/b\.ts/,
    },
    {
      rule: 'a value that others take from kernels/',
      files: {
        'runtime/lambda/a.ts': `const { main } = require('../kernels/toy');\nexport { main };\n`,
        'runtime/kernels/toy.ts': 'export const main = 1;\n',
      },
      fault: /runtime\/lambda\/a\.ts imports a value of runtime\/kernels\/toy\.ts: others take only types/,
    },
    {
      rule: 'anything but main that the host takes from a kernel',
      files: {
        'runtime/host/kernels.ts': `export { helper } from '../kernels/toy';\n`,
        'runtime/kernels/toy.ts': 'export const helper = 1;\n',
      },
      fault: /runtime\/host\/kernels\.ts imports a value of runtime\/kernels\/toy\.ts/,
    },
    {
      rule: 'two files that import each other, if only their types',
      files: {
        'local/a.ts': `import type { B } from './b';\nexport type A = B;\n`,
        'local/b.ts': `import { type A } from './a';\nexport type B = A;\n`,
      },
      fault: /local\/a\.ts, local\/b\.ts import each other in a circle/,
    },
    {
      rule: 'Pulumi in runtime/',
      files: { 'runtime/db/a.ts': `export const load = () => import('@pulumi/aws');\n` },
      fault: /runtime\/db\/a\.ts imports @pulumi\/aws/,
    },
    {
      rule: 'a room that is not in the table',
      files: {
        'runtime/helpers/a.ts': `export { b } from '../base/b';\n`,
        'runtime/base/b.ts': 'export const b = 1;\n',
      },
      fault: /runtime\/helpers is not in the table/,
    },
  ];
  for (const { rule, files, fault } of planted) {
    it(`is refused: ${rule}`, async () => {
      const folder = await mkdtemp(path.join(tmpdir(), 'logline-layout-'));
      try {
        for (const [file, text] of Object.entries(files)) {
          await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
          await writeFile(path.join(folder, file), text);
        }
        const faults = layoutFaults(folder, Object.keys(files));
        assert.equal(faults.length, 1, faults.join('\n'));
        assert.match(faults[0] ?? '', fault);
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  }
});
