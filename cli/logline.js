#!/usr/bin/env node
// `npx logline`: installs what is missing, then runs cli/main.ts on Node 24. Runs on any Node from 20 on.

const { ensureInstalled, isRightNode, InstallError } = require('./install');

async function main() {
  const installed = await ensureInstalled();
  const args = process.argv.slice(2);
  if (isRightNode() && !installed) {
    require('./register-typescript');
    await require('./main.ts').main(args);
    return;
  }
  const { runNode } = require('./run-node');
  process.exitCode = await runNode([__filename, ...args]);
}

main().catch((error) => {
  process.stderr.write(`logline: ${error instanceof InstallError ? error.message : error.stack}\n`);
  process.exitCode = 1;
});
