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
 * Options for a long-running ledger, which count only from a process's start: V8's young generation of 8 MiB (see
 * local/heap.ts), two glibc arenas instead of eight a core, which saves 20 MiB, and blocks of 16 KiB and more that glibc
 * gives back at once. By default it raises that bound to 32 MiB as such blocks are freed, and an API that was busy with
 * large bodies kept 300 MiB (bench/README.md, "A noisy neighbour").
 */
const LONG_RUN = require('./long-run.json');

/**
 * Starts this program again in the same process with {@link LONG_RUN}, unless it has been. Does nothing where Node cannot
 * replace its process (Windows).
 * @param {string} file the program
 * @param {readonly string[]} args its arguments
 */
function beLongRunning(file, args) {
  const { execArgv, execPath, env } = process;
  const missing = LONG_RUN.args.filter((option) => !execArgv.includes(option));
  const isSet = Object.keys(LONG_RUN.env).every((name) => env[name] !== undefined);
  if ((missing.length === 0 && isSet) || process.execve === undefined || process.platform === 'win32') return;
  process.execve(execPath, [execPath, ...execArgv, ...missing, file, ...args], { ...LONG_RUN.env, ...env });
}

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

module.exports = { LONG_RUN, beLongRunning, runNode };
