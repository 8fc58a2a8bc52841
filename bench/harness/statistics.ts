/** Quantile of `share` (0 to 1), interpolated; NaN for no values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? below;
  return below + (above - below) * (place - Math.floor(place));
}

/** Median; NaN for no values. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** A median with minimum and maximum of the rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: readonly number[];
}

/** Median, minimum and maximum of rounds. */
export function spreadOf(rounds: readonly number[]): Spread {
  return { median: median(rounds), min: Math.min(...rounds), max: Math.max(...rounds), rounds };
}

/** Ratios by round, so that a disturbance affects both sides of a ratio. */
export function ratioOf(numerators: readonly number[], denominators: readonly number[]): Spread {
  return spreadOf(numerators.map((value, round) => value / (denominators[round] ?? Number.NaN)));
}

/** Formats with three significant digits, thousands without decimals. */
export function rounded(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 1000 || Number.isInteger(value)) return Math.round(value).toLocaleString('en-US');
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  return value.toFixed(2);
}

/** `0.52 (0.49–0.55)`. */
export function shown({ median: middle, min, max, rounds }: Spread): string {
  return rounds.length < 2 ? rounded(middle) : `${rounded(middle)} (${rounded(min)}–${rounded(max)})`;
}

/** A share (0 to 1) as `52 %`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}
