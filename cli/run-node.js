// Runs a program on this project's Node version. Plain JavaScript for any Node from 20 on.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const { bundledNode, isRightNode } = require('./install');

/** Signals to forward: those that a terminal, npm, Docker or systemd sends. */
const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];

function rightNode() {
  return fs.existsSync(bundledNode()) ? bundledNode() : isRightNode() ? process.execPath : bundledNode();
}

/**
 * Options for a long-running ledger: V8's young generation of 8 MiB (see local/heap.ts) and two glibc arenas instead of
 * eight a core, which saves 20 MiB. package.json repeats them for `npm start`, where this process is the ledger.
 */
const LONG_RUN = require('./long-run.json');

/**
 * Runs `node args…`, forwards signals, and resolves to the exit code that a shell would report.
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} [options] default to this process's own stdin, stdout and stderr
 * @returns {Promise<number>}
 */
function runNode(args, options = {}) {
  const child = spawn(rightNode(), args, { stdio: 'inherit', ...options });
  return new Promise((resolve, reject) => {
    const passOn = (signal) => child.kill(signal);
    for (const signal of PASSED_ON) process.on(signal, passOn);
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      for (const name of PASSED_ON) process.off(name, passOn);
      resolve(code ?? 128 + (os.constants.signals[signal] ?? 1));
    });
  });
}

module.exports = { LONG_RUN, runNode };
