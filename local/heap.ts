import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8's heap near the size of what it holds. Left alone, the young generation doubles under load up to 128 MiB
 * and stays there, and the old one grows to four times what is alive before it is collected.
 *
 * The young generation stays as large as it is now. `npm start` asks for 8 MiB from the start (cli/long-run.json), in
 * which most of a request dies before it is ever copied; V8 by itself goes back to 1 MiB and collects that every
 * millisecond. Measured on two cores, batches of 100 from 8 callers and single spans from 32, medians of 5 to 6; settings
 * with the same letter took turns in one run, so compare those; memory is the most of both:
 *
 * | run | young | old may grow | batches, spans/s | singles, spans/s | resident memory |
 * | --- | --: | --: | --: | --: | --: |
 * | a | 1 to 4 MiB | as V8 likes | 13,600 | 5,170 | 260 MiB |
 * | a | 8 MiB | as V8 likes | 13,960 | 5,680 | 274 MiB |
 * | a | 16 MiB | as V8 likes | 13,240 | 5,950 | 310 MiB |
 * | b | 4 MiB | by 100 % | 14,200 | 5,350 | 206 MiB |
 * | b | 8 MiB | by 100 % | 14,000 | 5,570 | 234 MiB |
 * | b | 16 MiB | by 30 % | 14,760 | 6,700 | 258 MiB |
 *
 * With 8 MiB and 30 %, `npm run bench -- ingest` ends at 240 MiB after a million spans, and with 16 MiB at 266.
 *
 * V8 reads these flags whenever it thinks of growing; the one for the largest size it reads only at the start, and it
 * takes powers of two.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=30');
}
