import type { ProgressLine } from '../progress-line';

/** Progress display of an export. */
export interface ExportProgress {
  show(spans: number, bytes: number): void;
  clear(): void;
}

const BAR_WIDTH = 30;
const MIB = 1024 * 1024;

/**
 * @param total expected number of spans; undefined when unknown
 * @param startSpans spans that an earlier run exported, which do not count towards the rate
 */
export function exportProgress(
  line: ProgressLine,
  total: number | undefined,
  startSpans: number,
): ExportProgress {
  const startedMs = performance.now();
  return {
    show(spans, bytes) {
      const seconds = Math.max(0.001, (performance.now() - startedMs) / 1000);
      const rate = Math.round((spans - startSpans) / seconds);
      const of = total === undefined ? '' : ` of ${total}`;
      line.show(
        `${bar(spans, total)}${spans}${of} spans, ${(bytes / MIB).toFixed(1)} MiB, ${rate} spans/s${timeLeft(spans, total, rate)}`,
      );
    },
    clear: () => line.clear(),
  };
}

/** Remaining time at this rate. */
function timeLeft(spans: number, total: number | undefined, rate: number): string {
  if (total === undefined || total <= spans || rate <= 0) return '';
  const seconds = Math.ceil((total - spans) / rate);
  return seconds < 90 ? `, ${seconds} s left` : `, ${Math.ceil(seconds / 60)} min left`;
}

/** A progress bar; it stays full when more spans than expected arrive. */
export function bar(spans: number, total: number | undefined): string {
  if (total === undefined) return '';
  const share = Math.min(1, spans / total);
  const full = Math.round(share * BAR_WIDTH);
  return `[${'#'.repeat(full)}${'.'.repeat(BAR_WIDTH - full)}] ${Math.floor(share * 100)}%  `;
}
