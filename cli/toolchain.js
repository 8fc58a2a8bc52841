// The npm scripts: `node cli/toolchain.js mocha|check|build:client|generate|bench|noisy|soak|moto|format [arguments]`. Installs what is
// missing, then runs the tool on Node 24. Runs on any Node from 20 on.

const path = require('node:path');
const { ROOT, ensureInstalled, InstallError } = require('./install');
const { runNode, toolEnvironment } = require('./run-node');

const tool = (file) => path.join(ROOT, 'node_modules', ...file.split('/'));
const typescript = ['--require', path.join(__dirname, 'register-typescript.js')];

/** Script name → the programs it runs, one after the other, each with the arguments before the user's. */
const SCRIPTS = {
  mocha: [[tool('mocha/bin/mocha.js')]], // all tests, unless the arguments name some
  check: [
    [tool('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings'],
    [tool('typescript/bin/tsc'), '--noEmit', '-p', ROOT],
    // The page alone knows the DOM, so that nothing else takes a global of browsers for its own.
    [tool('typescript/bin/tsc'), '--noEmit', '-p', path.join(ROOT, 'explorer')],
    [...typescript, path.join(ROOT, 'cli', 'generate.ts'), '--check'],
  ],
  'build:client': [[...typescript, path.join(ROOT, 'cli', 'build-client.ts')]],
  generate: [[...typescript, path.join(ROOT, 'cli', 'generate.ts')]],
  soak: [[...typescript, path.join(ROOT, 'test', 'hammer', 'soak.ts')]],
  moto: [[...typescript, path.join(ROOT, 'test', 'moto', 'resources.ts')]],
  noisy: [[...typescript, path.join(ROOT, 'test', 'hammer', 'noisy.ts')]],
  bench: [[...typescript, path.join(ROOT, 'bench', 'index.ts')]],
  format: [[tool('@biomejs/biome/bin/biome'), 'check', '--write']],
};

async function main() {
  const [name, ...args] = process.argv.slice(2);
  const steps = SCRIPTS[name];
  if (steps === undefined)
    throw new InstallError(
      `unknown script ${name ?? '(none)'}; there are ${Object.keys(SCRIPTS).join(', ')}`,
    );
  // In .mocharc.json the pattern would be added to the files that somebody names.
  if (name === 'mocha' && !args.some((arg) => arg.endsWith('.ts'))) args.push('test/**/*.test.ts');
  await ensureInstalled();
  let failed = 0;
  for (const step of steps) {
    // Every step runs, so that one look shows every fault.
    const code = await runNode([...step, ...args], { cwd: ROOT, env: toolEnvironment() });
    failed ||= code;
    if (code > 128) break;
  }
  process.exitCode = failed;
}

main().catch((error) => {
  process.stderr.write(`logline: ${error instanceof InstallError ? error.message : error.stack}\n`);
  process.exitCode = 1;
});
