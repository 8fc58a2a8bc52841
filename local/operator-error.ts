/**
 * A fault that the person at the terminal can do something about: one line that says what is wrong and
 * what to do, printed without a stack trace. Anything else that is thrown is a defect of LogLine.
 */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
  /** What the process exits with: 1 for "it did not work", 2 for "it was called wrongly". */
  readonly exitCode: 1 | 2;

  constructor(message: string, options: { exitCode?: 1 | 2; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
  }
}

/** The `code` of a Node system error (`ENOENT`, `EACCES`, …), or undefined for anything else. */
export function systemErrorCode(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return undefined;
}

/** The message of anything that was thrown, on one line. */
export function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s*\n\s*/g, ' ').trim();
}
