/**
 * Whether a JSON number, as written, is what the double it becomes says.
 *
 * - Written as an integer (no fraction, no exponent): within ±(2^53 − 1), where integers are exact (RFC 7493
 *   section 2.2).
 * - Otherwise: finite; at most 17 significant digits, which always suffice to name a double; and those digits are
 *   what the double itself prints, at that precision or in its shortest form. So `0.1`, `1.50`, `1e20` and the
 *   `0.10000000000000001` of printers that always give 17 digits pass; `3.141592653589793238`, `1e400`,
 *   `1e-400` and `9007199254740993.0` do not.
 */
export function isExactNumber(text: string): boolean {
  const value = Number(text);
  if (!Number.isFinite(value)) return false;
  if (/^-?\d+$/.test(text)) return Number.isSafeInteger(value);
  const digits = significantDigits(text);
  if (digits === '') return true;
  if (digits.length > 17) return false;
  // 15 digits survive in the normal range; close to zero a double keeps fewer, so always compare.
  return (
    digits === significantDigits(value.toPrecision(digits.length)) ||
    digits === significantDigits(String(value))
  );
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
