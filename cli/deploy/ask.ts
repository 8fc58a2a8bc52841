import { createInterface } from 'node:readline/promises';

/**
 * Prompts at the terminal.
 * @returns whether the answer is exactly `expected`; false when the terminal is closed
 */
export async function ask(question: string, expected: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
    return (await Promise.race([terminal.question(question), closed])).trim() === expected;
  } finally {
    terminal.close();
  }
}
