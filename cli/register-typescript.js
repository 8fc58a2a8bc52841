// Lets `require` load the TypeScript sources, fast: each file is transpiled once by esbuild and kept under
// node_modules/.cache, and V8 keeps its own compile cache beside it. ts-node would load the TypeScript
// compiler (0.3 s) and transpile everything again on every start of a command.

const { createHash } = require('node:crypto');
const fs = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const { ROOT, isRightNode } = require('./install');

const ESBUILD = path.join(ROOT, 'node_modules', 'esbuild', 'package.json');
if (!isRightNode() || !fs.existsSync(ESBUILD)) require('./installed');

const CACHE = path.join(ROOT, 'node_modules', '.cache', 'logline');

/** esbuild options, which are part of the cache key. */
const TRANSFORM = {
  loader: 'ts',
  format: 'cjs',
  platform: 'node',
  target: 'node24',
  sourcemap: 'inline',
  // Compiles `import()` to `require`, as TypeScript does for CommonJS.
  supported: { 'dynamic-import': false },
};

function transpile(file) {
  const source = fs.readFileSync(file, 'utf8');
  const esbuildVersion = JSON.parse(fs.readFileSync(ESBUILD, 'utf8')).version;
  const key = createHash('sha256')
    .update(JSON.stringify([esbuildVersion, TRANSFORM, file]))
    .update(source)
    .digest('hex');
  const cached = path.join(CACHE, `${key.slice(0, 40)}.js`);
  try {
    return fs.readFileSync(cached, 'utf8');
  } catch {
    const { code } = require('esbuild').transformSync(source, { ...TRANSFORM, sourcefile: file });
    keep(cached, code);
    return code;
  }
}

/** Writes a temporary file and renames it, so that no process reads a partial file. Ignores read-only folders. */
function keep(file, code) {
  const draft = `${file}.${process.pid}`;
  try {
    fs.mkdirSync(CACHE, { recursive: true });
    fs.writeFileSync(draft, code);
    fs.renameSync(draft, file);
  } catch {
    fs.rmSync(draft, { force: true });
  }
}

Module.enableCompileCache?.(path.join(CACHE, 'v8'));
process.setSourceMapsEnabled(true);
Module._extensions['.ts'] = (module, file) => module._compile(transpile(file), file);
