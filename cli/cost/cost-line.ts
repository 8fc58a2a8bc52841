/** One line of the table. */
export interface CostLine {
  readonly item: string;
  /** Basis of the amount, as text. */
  readonly basis: string;
  readonly monthlyUsd: number;
}

/** A line, with the amount rounded to a cent. */
export function line(item: string, monthlyUsd: number, basis: string): CostLine {
  return { item, basis, monthlyUsd: round(monthlyUsd) };
}

/** Rounds to a cent. */
export function round(amount: number): number {
  return Math.round(amount * 100) / 100;
}

/** Formats a count as a whole number with commas. */
export function thousands(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}
