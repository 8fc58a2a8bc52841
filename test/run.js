// `npm test`: mocha over the test files that the arguments name, or over all of them.

require('../cli/installed');
const { mkdirSync, openSync, readFileSync } = require('node:fs');
const path = require('node:path');
const { ROOT, fail } = require('../cli/install');
const { runNode } = require('../cli/run-node');

const MOCHA = path.join(ROOT, 'node_modules', 'mocha', 'bin', 'mocha.js');

/** Tests that mostly wait, for processes, ticks and packages; the others mostly work. Side by side they take half the time. */
const WAITING_TESTS = 'test/{artifact,e2e,engine,infra}/**/*.test.ts';
const ALL_TESTS = 'test/**/*.test.ts';

async function main(args) {
  const mocha = (patterns, options) => runNode([MOCHA, ...args, ...patterns], { cwd: ROOT, ...options });
  // In .mocharc.json the patterns would be added to the files that somebody names.
  if (args.some((arg) => arg.endsWith('.ts'))) return mocha([]);
  const output = path.join(ROOT, '.build', 'waiting-tests.log');
  mkdirSync(path.dirname(output), { recursive: true });
  const file = openSync(output, 'w');
  const waiting = mocha([WAITING_TESTS], { stdio: ['ignore', file, file] });
  const working = await mocha([ALL_TESTS, '--ignore', WAITING_TESTS]);
  const waited = await waiting;
  process.stdout.write(readFileSync(output));
  return working || waited;
}

main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
}, fail);
