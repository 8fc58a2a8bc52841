import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import ts from 'typescript';
import { oneLine } from '../local/operator-error';

const CLIENT = path.join(path.dirname(__dirname), 'client');
const SOURCE = path.join(CLIENT, 'src');
/** Entry points of the package, as files of `client/src`. Each is bundled into one self-contained file. */
const ENTRIES = ['index', 'verify/index', 'proofs/index', 'node/index'];
const FORMATS = { esm: 'module', cjs: 'commonjs' } as const;

/** `npm run build:client`: writes `client/dist` as it is published, ESM and CommonJS, with types. */
async function main(): Promise<void> {
  const dist = path.join(CLIENT, 'dist');
  await rm(dist, { recursive: true, force: true });
  const types = declarations();
  for (const [format, type] of Object.entries(FORMATS)) {
    const folder = path.join(dist, format);
    await build({
      entryPoints: ENTRIES.map((entry) => path.join(SOURCE, `${entry}.ts`)),
      outbase: SOURCE,
      outdir: folder,
      format: format === 'esm' ? 'esm' : 'cjs',
      bundle: true,
      minify: true,
      platform: 'neutral',
      mainFields: ['module', 'main'],
      external: ['node:*'],
      target: 'es2022',
    });
    await writeFile(path.join(folder, 'package.json'), `{"type":"${type}"}\n`);
    for (const [file, text] of types) {
      await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
      await writeFile(path.join(folder, file), text);
    }
  }
}

/** Declarations of the entry points and of all types they use, by path within `client/src`. */
function declarations(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(path.join(path.dirname(__dirname), 'tsconfig.json'), ts.sys.readFile).config,
    ts.sys,
    path.dirname(__dirname),
  );
  const program = ts.createProgram(
    ENTRIES.map((entry) => path.join(SOURCE, `${entry}.ts`)),
    {
      ...options,
      noEmit: false,
      incremental: false,
      declaration: true,
      emitDeclarationOnly: true,
      outDir: '/',
    },
  );
  program.emit(undefined, (file, text) => {
    const place = path.relative('/client/src', file);
    // Code outside `client/src` is bundled; none of its types is public.
    if (place.startsWith('..')) return;
    // TypeScript resolves ES module imports by full file names only.
    files.set(place, text.replaceAll(/(from |import\()'(\.[^']+)'/g, "$1'$2.js'"));
  });
  return files;
}

main().catch((error: unknown) => {
  console.error(`build:client: ${error instanceof Error ? error.stack : oneLine(error)}`);
  process.exitCode = 1;
});
