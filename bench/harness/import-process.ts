import { runImport } from '../../cli/import/run-import';
import { answerCalls, processUse } from './helper-process';

// Runs what `logline import` does, without the command's start-up.

export interface ImportCall {
  readonly file: string;
  readonly url: string;
  readonly token: string;
}

/** Duration, and the peak memory of this process. */
export interface ImportTaken {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly maxRssMiB: number;
}

answerCalls({
  import: async ({ file, ...options }: ImportCall): Promise<ImportTaken> => {
    const begin = performance.now();
    const before = processUse();
    await runImport(file, { ...options, json: true });
    if (process.exitCode) throw new Error('the file was refused');
    const seconds = (performance.now() - begin) / 1000;
    const cpuSeconds = processUse().cpuSeconds - before.cpuSeconds;
    return { seconds, cpuSeconds, maxRssMiB: process.resourceUsage().maxRSS / 1024 };
  },
});
