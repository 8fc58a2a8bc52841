import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { REPOSITORY_ROOT } from '../../infra/bundle';
import { Names, nameFaults } from '../../infra/names';
import { ConfigError, parseSettings, type StackSettings } from '../../infra/settings';
import { OperatorError, oneLine } from '../../local/operator-error';
import { KERNEL_NAMES } from '../../runtime/host/kernel-table';
import type { KernelName } from '../../runtime/kernels/stable-ids';
import { member } from '../ledger-api';

/** Name of the project, as in `Pulumi.yaml`. */
const PROJECT = 'logline';
const PREFIX = `${PROJECT}:`;
/** Replaces encrypted provider keys, which only Pulumi can read: their shape alone is checked. */
const ENCRYPTED_KEYS = { encrypted: 'yes' };

/**
 * Reads a stack's settings from its file, with the checks of the Pulumi program; needs no Pulumi CLI.
 * @param root folder of `Pulumi.<stack>.yaml`
 * @throws OperatorError (exit code 2) when there is no such stack, or (1) with every fault of its file
 */
export function stackSettings(stack: string, root: string = REPOSITORY_ROOT): StackSettings {
  try {
    return parseSettings({ project: PROJECT, stack, ...readStackFile(stack, root) });
  } catch (error) {
    if (error instanceof ConfigError) {
      throw new OperatorError(`Pulumi.${stack}.yaml: ${error.faults.join('; ')}`, { cause: error });
    }
    throw error;
  }
}

function readStackFile(
  stack: string,
  root: string,
): { region: string | undefined; values: Readonly<Record<string, unknown>> } {
  requireStackName(stack);
  const name = `Pulumi.${stack}.yaml`;
  const file = join(root, name);
  if (!existsSync(file)) {
    throw new OperatorError(
      `there is no stack "${stack}": ${name} is missing; for a new one copy Pulumi.dev.yaml to ${name} and edit it`,
      { exitCode: 2 },
    );
  }
  let parsed: unknown;
  try {
    parsed = parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new OperatorError(`${name} cannot be read: ${oneLine(cause)}`, { cause });
  }
  const config = member(parsed, 'config');
  const entries = typeof config === 'object' && config !== null ? Object.entries(config) : [];
  const region = entries.find(([key]) => key === 'aws:region')?.[1];
  return {
    region: typeof region === 'string' ? region : process.env.AWS_REGION,
    values: Object.fromEntries(
      entries
        .filter(([key]) => key.startsWith(PREFIX))
        .map(([key, value]) => [
          key.slice(PREFIX.length),
          member(value, 'secure') === undefined ? value : ENCRYPTED_KEYS,
        ]),
    ),
  };
}

/** @throws OperatorError (exit code 2) for an invalid name, since the name becomes part of a path */
function requireStackName(stack: string): void {
  const [fault] = nameFaults({ project: PROJECT, stack, region: 'us-east-1' });
  if (fault !== undefined) throw new OperatorError(`--stack: ${fault}`, { exitCode: 2 });
}

/** Purposes of the functions, as `infra/` names them. */
export const FUNCTIONS: readonly FunctionPurpose[] = ['stage0', ...KERNEL_NAMES, 'migrator'];
export type FunctionPurpose = 'stage0' | KernelName | 'migrator';

/** AWS name of a function, such as `logline-dev-run-code`; computed without a call. */
export function functionName(settings: StackSettings, purpose: FunctionPurpose): string {
  return new Names(settings).of('function', purpose);
}
