#!/usr/bin/env node
// `npx logline`: installs what is missing, then runs cli/main.ts on Node 24. Runs on any Node from 20 on.

const { ensureInstalled, fail, isRightNode } = require('./install');

const PARENT_POLL_MS = 500;

/**
 * npm and npx start us through a shell that does not forward signals. Exits when that shell is gone, so that a killed npm
 * leaves no process running.
 */
function endWithParent() {
  if (process.env.npm_command === undefined || process.platform === 'win32') return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, PARENT_POLL_MS);
  timer.unref();
}

async function main() {
  endWithParent();
  const installed = await ensureInstalled();
  const args = process.argv.slice(2);
  if (isRightNode() && !installed) {
    if (args[0] === 'dev') require('./run-node').beLongRunning(__filename, args);
    require('./register-typescript');
    await require('./main.ts').main(args);
    return;
  }
  const { LONG_RUN, runNode } = require('./run-node');
  process.exitCode =
    args[0] === 'dev'
      ? await runNode([...LONG_RUN.args, __filename, ...args], { env: { ...LONG_RUN.env, ...process.env } })
      : await runNode([__filename, ...args]);
}

main().catch(fail);
