import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Bench } from '../bench';
import { type BenchCluster, startCluster } from './cluster';
import { describeMachine } from './machine';
import { refreshReadme } from './readme';
import { printed } from './report';
import type { StoredResult } from './stored-result';
import { plotAsSvg } from './svg-plot';

const FOLDER = path.dirname(__dirname);
const RESULTS = path.join(FOLDER, 'results');

/** Options of {@link runBenches}. */
export interface RunOptions {
  readonly quick: boolean;
  readonly full: boolean;
  /** Command-line arguments, for the record. */
  readonly args: readonly string[];
}

/** Runs benches in order on one server, and keeps their figures unless the run is quick. */
export async function runBenches(
  benches: readonly Bench[],
  { quick, full, args }: RunOptions,
): Promise<void> {
  const machine = describeMachine(args);
  let running: Promise<BenchCluster> | undefined;
  const cluster = (): Promise<BenchCluster> => {
    running ??= startCluster();
    return running;
  };
  const begin = Date.now();
  const progress = (line: string): void => {
    process.stderr.write(`${String(Math.round((Date.now() - begin) / 1000)).padStart(5)} s  ${line}\n`);
  };
  try {
    for (const bench of benches) {
      progress(`${bench.name}: ${bench.title}`);
      const started = Date.now();
      const result = await bench.run({
        quick,
        full,
        names: benches.map(({ name }) => name),
        cluster,
        progress: (line) => progress(`${bench.name}: ${line}`),
      });
      process.stdout.write(`${printed(bench.title, result)}\n`);
      if (quick) continue;
      const postgres = running === undefined ? null : await (await running).settings();
      const seconds = Math.round((Date.now() - started) / 1000);
      await keep({ bench: bench.name, title: bench.title, machine, postgres, seconds, ...result });
    }
    if (!quick) await refreshReadme(path.join(FOLDER, 'README.md'), RESULTS);
  } finally {
    await (await running)?.stop();
  }
}

/** Limit in bytes for keeping single measurements. */
const MAX_FIGURES_BYTES = 64 * 1024;

/** Stores a result, with single measurements if they are small. */
async function keep({ figures, ...shown }: StoredResult): Promise<void> {
  const isSmall = JSON.stringify(figures ?? null).length <= MAX_FIGURES_BYTES;
  const result = isSmall ? { ...shown, figures } : shown;
  await mkdir(RESULTS, { recursive: true });
  await writeFile(path.join(RESULTS, `${result.bench}.json`), `${JSON.stringify(result, null, 1)}\n`);
  for (const plot of result.plots ?? []) {
    await writeFile(path.join(RESULTS, `${result.bench}-${plot.file}.svg`), plotAsSvg(plot));
  }
}
