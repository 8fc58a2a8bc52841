import { execFile } from 'node:child_process';

const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/**
 * Runs a script of Python.
 * @param input goes to its standard input as JSON
 * @returns what it prints
 * @throws Error with what it says on standard error, when it fails
 */
export function runPython(python: string, script: string, input: unknown): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(python, [script], { maxBuffer: MAX_OUTPUT_BYTES }, (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(new Error(stderr)),
    );
    child.stdin?.end(JSON.stringify(input));
  });
}
