import { OperatorError } from '../../local/operator-error';
import { KERNEL_NAMES, kernelRow } from '../../runtime/host/kernel-table';
import { FUNCTIONS, type FunctionPurpose } from '../aws/stack-file';

/** Short names for the functions. The midnight ruler runs in `run_code`. */
const ALIASES: Readonly<Record<string, FunctionPurpose>> = {
  ...Object.fromEntries(KERNEL_NAMES.map((name) => [kernelRow(name).alias, name])),
  midnight: 'run_code',
};

/** Job name of the midnight ruler's entries in the log of `run_code`. */
const MIDNIGHT = 'midnight_ruler';

/** Which logs to show. */
export interface LogSelection {
  readonly functions: readonly FunctionPurpose[];
  /** Only entries of this job; undefined for all. */
  readonly job: string | undefined;
}

/**
 * Parses `all`, an alias, or a function name such as `request_worker` or `request-worker`.
 * @throws OperatorError (exit code 2) that lists the allowed words
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
