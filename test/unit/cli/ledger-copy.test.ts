import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ledgerCopyOf } from '../../../cli/generate/seeds';

describe("a kernel's ledger copy", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'logline-copy-'));
    await mkdir(path.join(folder, 'kernels'));
    await writeFile(path.join(folder, 'outside.ts'), 'export const secret = 1;\n');
    await writeFile(path.join(folder, 'kernels', 'beside.ts'), 'export const beside = 2;\n');
  });
  after(() => rm(folder, { recursive: true }));

  async function copyOf(text: string): Promise<string> {
    await writeFile(path.join(folder, 'kernels', 'toy.ts'), text);
    return ledgerCopyOf('toy', path.join(folder, 'kernels'));
  }

  it('includes files beside it', async () => {
    assert.match(
      await copyOf(`import { beside } from './beside';\nexport async function main() { return beside; }\n`),
      /beside = 2/,
    );
  });
  it('refuses a value from outside kernels/', async () => {
    const text = `import { secret } from '../outside';\nexport async function main() { return secret; }\n`;
    await assert.rejects(copyOf(text), /toy\.ts takes \.\.\/outside\.ts into its ledger copy/);
  });
  it('refuses a package', async () => {
    const text = `import { Hono } from 'hono';\nexport async function main() { return Hono; }\n`;
    await assert.rejects(copyOf(text), /imports something that its ledger copy could not/);
  });
  it('refuses a source without main', () =>
    assert.rejects(copyOf('export const other = 1;\n'), /defines no main/));
});
