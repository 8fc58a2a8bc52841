/** One line on a terminal's stderr that is drawn over and over; nothing at all elsewhere. */
export interface ProgressLine {
  show(text: string): void;
  /** Takes the line away, for output that shall stay. */
  clear(): void;
}

export function progressLine(): ProgressLine {
  if (!process.stderr.isTTY) return { show: () => undefined, clear: () => undefined };
  const draw = (text: string): boolean => process.stderr.write(`\r${text}\u001b[K`);
  return { show: draw, clear: () => draw('') };
}
