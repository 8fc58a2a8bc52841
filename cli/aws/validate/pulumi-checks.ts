import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY_ROOT } from '../../../infra/bundle';
import { oneLine, systemErrorCode } from '../../../local/operator-error';
import { explainPulumi, INSTALL_PULUMI, noPulumi } from '../../deploy/pulumi-fault';
import { textMember } from '../../ledger-api';
import { fail, type Prerequisite, pass, warn } from './prerequisite';

const TIMEOUT_MS = 30_000;

interface Said {
  /** Undefined when there is no CLI. */
  readonly stdout: string | undefined;
  readonly error: unknown;
}

/** Runs the Pulumi CLI without prompts. */
function pulumi(...args: readonly string[]): Promise<Said> {
  const env = { ...process.env, PULUMI_SKIP_UPDATE_CHECK: 'true' };
  return new Promise((resolve) => {
    const options = { cwd: REPOSITORY_ROOT, env, timeout: TIMEOUT_MS };
    execFile('pulumi', [...args, '--non-interactive'], options, (error, stdout, stderr) => {
      const isMissing = systemErrorCode(error) === 'ENOENT';
      resolve({
        stdout: isMissing ? undefined : stdout,
        error: error === null || isMissing ? undefined : new Error(stderr || oneLine(error)),
      });
    });
  });
}

/** @throws OperatorError when there is no Pulumi CLI */
export async function requirePulumi(): Promise<void> {
  const { stdout } = await pulumi('version');
  if (stdout === undefined) throw noPulumi();
}

const cli: Prerequisite = {
  name: 'Pulumi CLI',
  run: async () => {
    const { stdout, error } = await pulumi('version');
    if (stdout === undefined) return fail('not installed', `see ${INSTALL_PULUMI}`);
    if (error !== undefined) return fail(oneLine(error), `install it again: ${INSTALL_PULUMI}`);
    return judgeVersion(stdout.trim().replace(/^v/, ''), sdkVersion());
  },
};

/** Compares the CLI's version with the library's; a newer CLI is fine. */
export function judgeVersion(version: string, sdk: string): ReturnType<typeof pass> {
  const [major, minor] = numbersOf(version);
  const [sdkMajor, sdkMinor] = numbersOf(sdk);
  if (major === undefined || minor === undefined) {
    return warn(`says that it is "${version}"`, `expected ${sdk} or newer`);
  }
  if (major !== sdkMajor) {
    return fail(`${version}; the program is made for ${sdk}`, `install version ${sdk}: ${INSTALL_PULUMI}`);
  }
  return minor < (sdkMinor ?? 0)
    ? warn(`${version}, older than the library (${sdk})`, `install version ${sdk} or newer`)
    : pass(version);
}

function numbersOf(version: string): (number | undefined)[] {
  return (/^(\d+)\.(\d+)\./.exec(version) ?? []).slice(1).map(Number);
}

function sdkVersion(): string {
  const file = join(REPOSITORY_ROOT, 'node_modules', '@pulumi', 'pulumi', 'package.json');
  return textMember(JSON.parse(readFileSync(file, 'utf8')), 'version') ?? '';
}

const backend: Prerequisite = {
  name: 'state backend',
  run: async ({ stack }) => {
    const { stdout, error } = await pulumi('whoami', '--json');
    if (stdout === undefined) return fail('not asked, since there is no Pulumi CLI', `see ${INSTALL_PULUMI}`);
    if (error !== undefined) throw explainPulumi(error, stack ?? '');
    let said: unknown;
    try {
      said = JSON.parse(stdout);
    } catch {
      said = undefined;
    }
    return pass(`${textMember(said, 'user') ?? 'signed in'} at ${textMember(said, 'url') ?? 'its backend'}`);
  },
};

/** Checks of the Pulumi CLI and its backend. */
export const PULUMI_CHECKS: readonly Prerequisite[] = [cli, backend];
