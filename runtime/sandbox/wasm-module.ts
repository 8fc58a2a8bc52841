import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Sources run as .ts; in the artifact, esbuild has put everything beside one index.js. */
const IS_SOURCE = __filename.endsWith('.ts');

/** Names under which the artifact carries what the bundler cannot inline. Both lie beside index.js. */
export const WORKER_BUNDLE_FILE = 'sandbox-worker.js';
export const WASM_BUNDLE_FILE = 'quickjs.wasm';

/** The file that a worker thread starts from. */
export function workerFile(): string {
  return join(dirname(__filename), IS_SOURCE ? 'worker.cts' : WORKER_BUNDLE_FILE);
}

/** The QuickJS binary: in the package during development, beside the bundle in the artifact. */
export function wasmFile(): string {
  if (!IS_SOURCE) return join(dirname(__filename), WASM_BUNDLE_FILE);
  return createRequire(__filename).resolve('@jitl/quickjs-ng-wasmfile-release-sync/wasm');
}

let compiled: Promise<WebAssembly.Module> | undefined;

/** Compiles QuickJS once per process; workers share the compiled code, so that a replacement starts at once. */
export function quickJsModule(): Promise<WebAssembly.Module> {
  compiled ??= WebAssembly.compile(readFileSync(wasmFile()));
  return compiled;
}
