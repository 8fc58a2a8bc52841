import { OperatorError } from '../../local/operator-error';
import { KERNEL_NAMES, kernelRow } from '../../runtime/host/kernel-table';
import { FUNCTIONS, type FunctionPurpose } from '../aws/stack-file';

/** Short names for the functions. The midnight ruler runs in `run_code`. */
const ALIASES: Readonly<Record<string, FunctionPurpose>> = {
  ...Object.fromEntries(KERNEL_NAMES.map((name) => [kernelRow(name).alias, name])),
  midnight: 'run_code',
};

/** What midnight's entries can be told by, where a function does more than one thing. */
export const MIDNIGHT = 'midnight_ruler';

/** What to show: whose log, and for `midnight` which job's entries of it. */
export interface LogSelection {
  readonly functions: readonly FunctionPurpose[];
  /** Only entries that name this job; undefined for all. */
  readonly job: string | undefined;
}

/**
 * `all`, an alias, or a function as in `request_worker` or `request-worker`.
 * @throws OperatorError (exit code 2) that lists what there is
 */
export function selectionOf(word: string): LogSelection {
  if (word === 'all') return { functions: FUNCTIONS, job: undefined };
  const name = word.replaceAll('-', '_');
  const purpose = ALIASES[name] ?? FUNCTIONS.find((known) => known === name);
  if (purpose === undefined) {
    throw new OperatorError(
      `there is no function "${word}"; there are all, ${[...FUNCTIONS, ...Object.keys(ALIASES)].join(', ')}`,
      { exitCode: 2 },
    );
  }
  return { functions: [purpose], job: name === 'midnight' ? MIDNIGHT : undefined };
}
