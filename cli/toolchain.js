// The npm scripts: `node cli/toolchain.js mocha|check|build:client|generate|bench|noisy|soak|moto|licenses|format [arguments]`. Installs
// what is missing, then runs the tool on Node 24. Runs on any Node from 20 on.

const path = require('node:path');
const { ROOT, ensureInstalled, InstallError } = require('./install');
const { runNode, runNodeQuietly, toolEnvironment } = require('./run-node');

const tool = (file) => path.join(ROOT, 'node_modules', ...file.split('/'));
const typescript = ['--require', path.join(__dirname, 'register-typescript.js')];

/** Tests that mostly wait, for processes, ticks and packages; the others mostly work. Side by side they take half the time. */
const WAITING_TESTS = 'test/{artifact,e2e,engine,infra}/**/*.test.ts';
const ALL_TESTS = 'test/**/*.test.ts';

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
  licenses: [[...typescript, path.join(ROOT, 'cli', 'licenses.ts')]],
  format: [[tool('@biomejs/biome/bin/biome'), 'check', '--write']],
};

async function main() {
  const [name, ...args] = process.argv.slice(2);
  const steps = SCRIPTS[name];
  if (steps === undefined)
    throw new InstallError(
      `unknown script ${name ?? '(none)'}; there are ${Object.keys(SCRIPTS).join(', ')}`,
    );
  await ensureInstalled();
  // In .mocharc.json the patterns would be added to the files that somebody names.
  if (name === 'mocha' && !args.some((arg) => arg.endsWith('.ts'))) {
    process.exitCode = await allTests([...SCRIPTS.mocha[0], ...args]);
    return;
  }
  let failed = 0;
  for (const step of steps) {
    // Every step runs, so that one look shows every fault.
    const code = await runNode([...step, ...args], { cwd: ROOT, env: toolEnvironment() });
    failed ||= code;
    if (code > 128) break;
  }
  process.exitCode = failed;
}

/** All tests in two runs at a time; what the second one prints comes when both are over. */
async function allTests(mocha) {
  const options = { cwd: ROOT, env: toolEnvironment() };
  const waiting = runNodeQuietly([...mocha, WAITING_TESTS], options);
  const working = await runNode([...mocha, ALL_TESTS, '--ignore', WAITING_TESTS], options);
  const { code, output } = await waiting;
  process.stdout.write(output);
  return working || code;
}

main().catch((error) => {
  process.stderr.write(`logline: ${error instanceof InstallError ? error.message : error.stack}\n`);
  process.exitCode = 1;
});
