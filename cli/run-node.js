// Runs a program on the Node that this project is made for. Plain JavaScript for any Node from 20 on.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const { bundledNode, isRightNode } = require('./install');

/** Signals that a terminal, npm, Docker or systemd sends to the process it started. */
const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];

function rightNode() {
  return fs.existsSync(bundledNode()) ? bundledNode() : isRightNode() ? process.execPath : bundledNode();
}

/**
 * How a ledger that runs for long is started: V8's young generation at 8 MiB (local/heap.ts says why), and glibc's
 * memory in two arenas instead of eight a core, 20 MiB less. package.json says the options for `npm start`, too, where
 * this process becomes the ledger itself.
 */
const LONG_RUN = require('./long-run.json');

/**
 * Runs `node args…` to its end, passing signals on, and resolves to the exit code a shell would report.
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
