/** Every integer of a smaller magnitude has a double of its own. */
const EXACT_LIMIT = 2 ** 53;
/** Below about this, doubles are subnormal and have fewer than 17 significant digits. */
const SMALLEST_NORMAL = 2.3e-308;
/** Significant digits that identify any double. */
const MAX_DIGITS = 17;

/**
 * Whether a JSON number, as written, survives as the double it becomes (RFC 7493 section 2.2).
 *
 * - Written as an integer (no fraction, no exponent): it equals its double exactly, or is the text that RFC 8785
 *   prints for that double, which is how the ledger returns it. So `9007199254740992` and `100000000000000000000` pass,
 *   `9007199254740993` does not.
 * - Otherwise finite, and either in the normal range below 2^53 with at most 17 significant digits (all that a double
 *   can distinguish), or with exactly the digits that the double prints. So `0.1`,
 *   `1.50`, `1e20`, `333333333.33333329` pass; `3.14159265358979323846`, `1e400`, `1e-400`,
 *   `9007199254740993.0` and the 55 digits of the double that 0.1 becomes do not.
 */
export function isExactNumber(text: string): boolean {
  const value = Number(text);
  if (!Number.isFinite(value)) return false;
  // Finite, so 309 digits at most: comparing them as an integer is cheap.
  if (/^-?\d+$/.test(text))
    return Number.isSafeInteger(value) || BigInt(text) === BigInt(value) || text === String(value);
  const digits = significantDigits(text);
  const size = Math.abs(value);
  if (size === 0) return digits === '';
  if (digits.length <= MAX_DIGITS && size >= SMALLEST_NORMAL && size < EXACT_LIMIT) return true;
  return digits === significantDigits(String(value));
}

/** The digits of a number without sign, point, exponent, and zeros at either end; `''` is zero. */
function significantDigits(text: string): string {
  const [mantissa = ''] = text.toLowerCase().split('e');
  const digits = mantissa.replace(/[-.]/g, '').replace(/^0+/, '');
  return withoutTrailingZeros(digits);
}

/** Not a regular expression: `/0+$/` takes quadratic time on a megabyte of `0…01`. */
function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === 0x30) end -= 1;
  return digits.slice(0, end);
}
