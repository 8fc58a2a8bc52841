import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { type BuiltExplorer, bundleExplorer, bundleExplorerSync } from '../../../explorer/bundle';

const KIB = 1024;

describe("the explorer's files", function () {
  this.timeout(30_000);
  let files: BuiltExplorer;
  before(() => {
    files = bundleExplorerSync();
  });

  const textOf = (name: string): string => Buffer.from(files.get(name) ?? []).toString();
  const named = (pattern: RegExp): string[] => [...files.keys()].filter((name) => pattern.test(name));
  const gzippedBytes = (names: readonly string[]): number =>
    names.reduce((sum, name) => sum + gzipSync(files.get(name) ?? Buffer.alloc(0), { level: 9 }).length, 0);
  /** A file and everything that it imports. */
  const withImports = (name: string): string[] => {
    const imported = [...textOf(name).matchAll(/from"\/explorer\/([\w-]+\.js)"/g)].map(
      ([, file = '']) => file,
    );
    return [name, ...imported.flatMap(withImports)];
  };

  const plots = (): string[] => named(/^duration-plot-.*\.js$/);
  const firstView = (): string[] => [...new Set(named(/^app-.*\.js$/).flatMap(withImports))];

  it('are at most 30 KiB of script, gzipped, in one file that every view is in, and 6 KiB of style', () => {
    assert.deepEqual(firstView(), named(/^app-.*\.js$/));
    const script = gzippedBytes(named(/\.js$/).filter((name) => !plots().includes(name)));
    assert.ok(script > 0 && script <= 30 * KIB, `${script} bytes of script`);
    const style = gzippedBytes(named(/\.css$/));
    assert.ok(style > 0 && style <= 6 * KIB, `${style} bytes of style`);
  });

  it('have plots in a file of at most 25 KiB, gzipped, which loads nothing else and is loaded for plots only', () => {
    assert.equal(plots().length, 1);
    assert.deepEqual(plots().flatMap(withImports), plots());
    assert.ok(gzippedBytes(plots()) <= 25 * KIB, `${gzippedBytes(plots())} bytes of plots`);
    assert.ok(!firstView().some((name) => plots().includes(name)));
  });

  it('have no inline code and name no other host', () => {
    const page = textOf('index.html');
    assert.doesNotMatch(page, /<script(?![^>]*\ssrc="\/explorer\/)|<style|\son\w+=|\sstyle=|https?:/);
    for (const name of named(/\.js$/)) {
      assert.doesNotMatch(
        textOf(name),
        /insertAdjacentHTML\(|document\.write\(|\beval\(|new Function\(/,
        name,
      );
    }
  });

  it('are the same whenever they are built', async () => {
    const again = await bundleExplorer();
    assert.deepEqual([...again.keys()], [...files.keys()]);
    for (const [name, bytes] of again)
      assert.ok(Buffer.from(bytes).equals(files.get(name) ?? Buffer.alloc(0)), name);
  });
});
