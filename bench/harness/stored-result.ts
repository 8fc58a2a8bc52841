import type { BenchResult } from '../bench';
import type { Machine } from './machine';

/** What is kept of one bench: its figures and what they depend on. */
export interface StoredResult extends BenchResult {
  readonly bench: string;
  readonly title: string;
  readonly machine: Machine;
  readonly postgres: Readonly<Record<string, string>> | null;
  readonly seconds: number;
}
