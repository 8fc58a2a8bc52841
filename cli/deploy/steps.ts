import { styleText } from 'node:util';
import { elapsed } from './progress';

/** Prints each step and its duration. */
export class Steps {
  readonly #startedAtMs = Date.now();
  #number = 0;

  /** Runs one step and prints the text that it returns as its result. */
  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const startedAtMs = Date.now();
    this.#number += 1;
    process.stdout.write(`${styleText('bold', `${this.#number}. ${name}`, { stream: process.stdout })}\n`);
    const result = await work();
    const detail = typeof result === 'string' && result !== '' ? `: ${result}` : '';
    process.stdout.write(`   done in ${elapsed(Date.now() - startedAtMs).trim()}${detail}\n`);
    return result;
  }

  /** Minutes and seconds since the first step. */
  elapsedText(): string {
    return elapsed(Date.now() - this.#startedAtMs).trim();
  }
}
