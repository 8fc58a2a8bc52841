import type { BenchResult } from '../bench';
import type { Machine } from './machine';

/** Stored result of one bench, with the machine it ran on. */
export interface StoredResult extends Omit<BenchResult, 'figures'> {
  /** Single measurements; absent when too large. */
  readonly figures?: unknown;
  readonly bench: string;
  readonly title: string;
  readonly machine: Machine;
  readonly postgres: Readonly<Record<string, string>> | null;
  readonly seconds: number;
}
