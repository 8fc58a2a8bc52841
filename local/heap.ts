import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8's heap near the size of live data. By default the young generation grows up to 128 MiB under load and stays
 * there, and the old generation grows to four times the live data before it is collected.
 *
 * The young generation keeps its initial size, 8 MiB with `npm start` (cli/long-run.json): most objects of a request die in
 * it before they are copied. bench/README.md has the sizes that were measured. V8 reads these two flags at run time, but
 * that of the largest young generation only at the start.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=30');
}
