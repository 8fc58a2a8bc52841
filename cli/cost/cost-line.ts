/** One line of the table. */
export interface CostLine {
  readonly item: string;
  /** How the amount comes about, in words. */
  readonly basis: string;
  readonly monthlyUsd: number;
}

/** Rounded to a cent. */
export function line(item: string, monthlyUsd: number, basis: string): CostLine {
  return { item, basis, monthlyUsd: round(monthlyUsd) };
}

/** To a cent. */
export function round(amount: number): number {
  return Math.round(amount * 100) / 100;
}

/** Whole, with commas, as tables show counts. */
export function thousands(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}
