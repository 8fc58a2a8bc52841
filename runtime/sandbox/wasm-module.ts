import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** True in the sources; in the artifact, esbuild has bundled everything into one index.js. */
const IS_SOURCE = __filename.endsWith('.ts');

/** Files beside index.js in the artifact, which the bundler cannot inline. */
export const WORKER_BUNDLE_FILE = 'sandbox-worker.js';
export const WASM_BUNDLE_FILE = 'quickjs.wasm';

/** Path of the worker thread's program. */
export function workerFile(): string {
  return join(dirname(__filename), IS_SOURCE ? 'worker.cts' : WORKER_BUNDLE_FILE);
}

/** Path of the QuickJS binary: in its package during development, beside the bundle in the artifact. */
export function wasmFile(): string {
  if (!IS_SOURCE) return join(dirname(__filename), WASM_BUNDLE_FILE);
  return createRequire(__filename).resolve('@jitl/quickjs-ng-wasmfile-release-sync/wasm');
}

let compiled: Promise<WebAssembly.Module> | undefined;

/** QuickJS, compiled once per process; workers share the compiled code, so that a replacement starts fast. */
export function quickJsModule(): Promise<WebAssembly.Module> {
  compiled ??= WebAssembly.compile(readFileSync(wasmFile()));
  return compiled;
}
