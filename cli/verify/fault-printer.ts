import type { ProgressLine } from '../progress-line';
import type { VerifyFault } from './verify-spans';

/** Faults printed one by one; further ones are counted. */
const MAX_SHOWN = 100;

/** Prints faults as they are found, and keeps them for `--json`. */
export class FaultPrinter {
  readonly #shown: VerifyFault[] = [];
  readonly #progress: ProgressLine;
  readonly #isJson: boolean;

  constructor(progress: ProgressLine, isJson: boolean) {
    this.#progress = progress;
    this.#isJson = isJson;
  }

  /** The first 100 faults. */
  get shown(): readonly VerifyFault[] {
    return this.#shown;
  }

  readonly add = (fault: VerifyFault): void => {
    if (this.#shown.length >= MAX_SHOWN) return;
    this.#shown.push(fault);
    if (this.#isJson) return;
    this.#progress.clear();
    process.stdout.write(`FAULT ${lineOf(fault)}\n`);
  };

  /** A line on the faults that were not printed, if there are any. */
  rest(faults: number): readonly string[] {
    const more = faults - this.#shown.length;
    return more > 0 ? [`… and ${more} more faults`] : [];
  }
}

function lineOf({ location, id, seq, detail }: VerifyFault): string {
  const what = id === undefined ? '' : `span ${id} version ${seq ?? '?'} `;
  return `${what}${location === undefined ? '' : `(${location}) `}${detail}`;
}
