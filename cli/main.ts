import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Command, CommanderError } from 'commander';
import { OperatorError, oneLine } from '../local/operator-error';
import { LogLineError } from '../runtime/base/errors';
import * as backup from './commands/backup';
import * as checkpoint from './commands/checkpoint';
import * as completion from './commands/completion';
import * as connect from './commands/connect';
import * as cost from './commands/cost';
import * as deploy from './commands/deploy';
import * as destroy from './commands/destroy';
import * as dev from './commands/dev';
import * as exportCommand from './commands/export';
import * as freeze from './commands/freeze';
import * as importCommand from './commands/import';
import * as kernels from './commands/kernels';
import * as keys from './commands/keys';
import * as log from './commands/log';
import * as logs from './commands/logs';
import * as migrate from './commands/migrate';
import * as policy from './commands/policy';
import * as preview from './commands/preview';
import * as proof from './commands/proof';
import * as providerKey from './commands/provider-key';
import * as restore from './commands/restore';
import * as roles from './commands/roles';
import * as seed from './commands/seed';
import * as smoke from './commands/smoke';
import * as status from './commands/status';
import * as thaw from './commands/thaw';
import * as token from './commands/token';
import * as validate from './commands/validate';
import * as verify from './commands/verify';
import * as witness from './commands/witness';

const USAGE_EXIT_CODE = 2;
/** Commands in the order of `--help`. Each loads its modules only when it runs. */
const COMMANDS = [
  dev,
  kernels,
  token,
  smoke,
  verify,
  checkpoint,
  proof,
  log,
  exportCommand,
  importCommand,
  freeze,
  thaw,
  backup,
  restore,
  status,
  keys,
  seed,
  migrate,
  roles,
  connect,
  providerKey,
  completion,
  logs,
  validate,
  preview,
  deploy,
  cost,
  policy,
  destroy,
  witness,
];

/**
 * Runs one command line (`npx logline …`) and sets the exit code: 0, 1 for a failure, 2 for wrong usage. Errors that the
 * operator can fix take one line on stderr.
 */
export async function main(args: readonly string[]): Promise<void> {
  // A reader such as `head` may close our output early.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  try {
    await buildProgram().parseAsync([...args], { from: 'user' });
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** The whole command tree. */
export function buildProgram(): Command {
  const program = new Command('logline')
    .description('An append-only, multi-tenant ledger of signed spans.')
    .version(packageVersion(), '--version', 'print the version of this LogLine')
    .exitOverride()
    .showHelpAfterError('(--help explains the options)')
    .addHelpText(
      'after',
      '\nEnvironment: LOGLINE_DATA (.logline), PORT (8787), HOST (127.0.0.1), DATABASE_URL.',
    );
  for (const command of COMMANDS) command.define(program);
  return program;
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(path.join(__dirname, '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}

function report(error: unknown): number {
  if (error instanceof CommanderError) {
    // Commander has printed the message; `--help` is no error.
    return error.exitCode === 0 || error.code === 'commander.help'
      ? error.exitCode && USAGE_EXIT_CODE
      : USAGE_EXIT_CODE;
  }
  if (error instanceof OperatorError) {
    process.stderr.write(`logline: ${error.message}\n`);
    return error.exitCode;
  }
  if (error instanceof LogLineError) {
    process.stderr.write(`logline: ${oneLine(error)}\n`);
    return 1;
  }
  process.stderr.write(
    `logline: unexpected fault: ${error instanceof Error ? error.stack : String(error)}\n`,
  );
  return 1;
}
