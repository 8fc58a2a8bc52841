/** A progress line: redrawn on a terminal's stderr, elsewhere a new line every 10 s. */
export interface ProgressLine {
  show(text: string): void;
  /** Clears the line before other output. */
  clear(): void;
}

const EVERY_MS = 10_000;

/** @param output defaults to stderr */
export function progressLine(
  output: Pick<NodeJS.WriteStream, 'isTTY' | 'write'> = process.stderr,
  nowMs: () => number = () => performance.now(),
): ProgressLine {
  if (!output.isTTY) {
    let toldMs = nowMs();
    return {
      show(text) {
        if (nowMs() - toldMs < EVERY_MS) return;
        toldMs = nowMs();
        output.write(`${text}\n`);
      },
      clear: () => undefined,
    };
  }
  const draw = (text: string): boolean => output.write(`\r${text}\u001b[K`);
  return { show: draw, clear: () => draw('') };
}
