import type { BenchCluster } from './harness/cluster';

/** Input of a bench. */
export interface BenchContext {
  /** Smoke run: every code path with small sizes and times; its figures are meaningless. */
  readonly quick: boolean;
  /** Also run the largest sizes, which takes far longer. */
  readonly full: boolean;
  /** Benches of this run, so that two that need the same large ledger can share it. */
  readonly names: readonly string[];
  /** The PostgreSQL server of this run, durable, started on first use. */
  readonly cluster: () => Promise<BenchCluster>;
  /** Prints a line of progress. */
  readonly progress: (line: string) => void;
}

/** A cell: text as it is, numbers rounded. */
export type Cell = string | number | null;

/** Rows of figures under a caption, printed, and shown in the README. */
export interface FigureTable {
  readonly caption: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** A promised figure with its bound and the measured value. */
export interface Goal {
  readonly what: string;
  readonly goal: string;
  readonly measured: string;
  readonly met: boolean;
}

/** One curve of a plot. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** A picture, written beside the README as `results/<bench>-<file>.svg`. */
export interface Plot {
  readonly file: string;
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Defaults to linear. */
  readonly xScale?: 'linear' | 'log';
  /** Defaults to linear, from zero. */
  readonly yScale?: 'linear' | 'log';
  readonly series: readonly Series[];
}

/** Result of a bench. */
export interface BenchResult {
  readonly tables: readonly FigureTable[];
  readonly goals: readonly Goal[];
  readonly plots?: readonly Plot[];
  /** Everything measured, rounds as well as medians; the JSON file holds it up to 64 KiB. */
  readonly figures: unknown;
}

/** One file of this folder, run by `npm run bench -- NAME`. */
export interface Bench {
  readonly name: string;
  readonly title: string;
  run(context: BenchContext): Promise<BenchResult>;
}
