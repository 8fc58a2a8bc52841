/**
 * Bundles the page with esbuild for the layers, the local run and the tests, so that what is tested is what is served. The
 * same sources give the same bytes and names.
 */

import { readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { type BuildOptions, type BuildResult, build, buildSync, stop } from 'esbuild';

/** The built page: file name → content. `index.html` names the other files. */
export type BuiltExplorer = ReadonlyMap<string, Uint8Array>;

const ROOT = resolve(__dirname, '..');

const OPTIONS = {
  absWorkingDir: ROOT,
  entryPoints: { app: 'explorer/src/main.tsx', icon: 'explorer/src/icon.svg' },
  outdir: 'bundle',
  publicPath: '/explorer',
  write: false,
  metafile: true,
  bundle: true,
  // Plots are a separate file, loaded by pages that show one.
  splitting: true,
  format: 'esm',
  platform: 'browser',
  target: ['chrome123', 'firefox128', 'safari17.5'],
  minify: true,
  legalComments: 'none',
  // Preact names its internal properties so.
  mangleProps: /^__[a-zA-Z]$/,
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  loader: { '.svg': 'copy' },
  logLevel: 'silent',
} as const satisfies BuildOptions;

/** Builds without blocking this process. */
export async function bundleExplorer(): Promise<BuiltExplorer> {
  try {
    return builtFiles(await build({ ...OPTIONS }));
  } finally {
    // Otherwise esbuild's service process keeps running.
    await stop();
  }
}

/** Builds synchronously, for the Pulumi program. */
export function bundleExplorerSync(): BuiltExplorer {
  return builtFiles(buildSync({ ...OPTIONS }));
}

function builtFiles({ outputFiles = [] }: BuildResult): BuiltExplorer {
  const files = new Map<string, Uint8Array>();
  for (const file of outputFiles) files.set(basename(file.path), file.contents);
  files.set('index.html', Buffer.from(pageOf([...files.keys()])));
  return files;
}

/** The page with the names of its files filled in. */
function pageOf(names: readonly string[]): string {
  const template = readFileSync(join(ROOT, 'explorer', 'src', 'index.html'), 'utf8');
  return template.replaceAll(/\{\{(\w+)\.(\w+)\}\}/g, (_, name: string, extension: string) => {
    const found = names.find((file) => file.startsWith(`${name}-`) && file.endsWith(`.${extension}`));
    if (found === undefined)
      throw new Error(`the explorer's page names ${name}.${extension}, which is not built`);
    return `/explorer/${found}`;
  });
}
