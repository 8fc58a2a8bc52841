// Runs a program on the Node that this project is made for. Plain JavaScript for any Node from 20 on.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { ROOT, bundledNode, isRightNode } = require('./install');

/** Signals that a terminal, npm, Docker or systemd sends to the process it started. */
const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];

function rightNode() {
  return fs.existsSync(bundledNode()) ? bundledNode() : isRightNode() ? process.execPath : bundledNode();
}

/** The environment of tools: `node` and the installed commands are found first. */
function toolEnvironment() {
  const bin = path.join(ROOT, 'node_modules', '.bin');
  return { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH ?? ''}` };
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
 * @returns {Promise<number>}
 */
function runNode(args, options = {}) {
  return untilEnded(spawn(rightNode(), args, { stdio: 'inherit', ...options }));
}

/**
 * The same, keeping what the program prints until its end.
 * @param {readonly string[]} args
 * @returns {Promise<{ code: number, output: string }>}
 */
async function runNodeQuietly(args, options = {}) {
  const child = spawn(rightNode(), args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const chunks = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => chunks.push(chunk));
  const code = await untilEnded(child);
  return { code, output: Buffer.concat(chunks).toString() };
}

function untilEnded(child) {
  return new Promise((resolve, reject) => {
    const passOn = (signal) => child.kill(signal);
    for (const signal of PASSED_ON) process.on(signal, passOn);
    child.once('error', reject);
    // Not `exit`: what it printed last may be on its way.
    child.once('close', (code, signal) => {
      for (const name of PASSED_ON) process.off(name, passOn);
      resolve(code ?? 128 + (os.constants.signals[signal] ?? 1));
    });
  });
}

module.exports = { LONG_RUN, runNode, runNodeQuietly, toolEnvironment };
