import type { BenchResult } from '../bench';
import type { Machine } from './machine';

/** What is kept of one bench: its figures and what they depend on. */
export interface StoredResult extends Omit<BenchResult, 'figures'> {
  /** Left out where there are too many. */
  readonly figures?: unknown;
  readonly bench: string;
  readonly title: string;
  readonly machine: Machine;
  readonly postgres: Readonly<Record<string, string>> | null;
  readonly seconds: number;
}
