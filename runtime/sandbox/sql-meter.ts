import { refuseSql } from './errors';
import { MAX_ROW_MS, NUMERIC_DIGITS, PRODUCT_PRICE } from './sql-allowed';
import { bytesOf, NOTHING, type Size, times, together } from './sql-size';

const MIB = 1024 * 1024;

/** Adds up what a statement may cost, in milliseconds, while its tree is walked. */
export class SqlMeter {
  /** How large each row is that the statement works with, by its number. */
  readonly rowBytes: number[] = [];
  #ms = 0;
  /** Sizes, each times its price. */
  #charged: Size = NOTHING;

  /** @param price milliseconds for each MiB */
  charge(price: number, size: Size): void {
    this.#charged = together([this.#charged, times(size, price)]);
  }

  addMs(ms: number): void {
    this.#ms += ms;
  }

  /** Runs `work` and tells what it charged, in milliseconds. */
  costOf<T>(work: () => T): { value: T; ms: number } {
    const [charged, ms] = [this.#charged, this.#ms];
    this.#charged = NOTHING;
    this.#ms = 0;
    const value = work();
    const cost = this.#ms + this.bytes(this.#charged) / MIB;
    this.#charged = together([charged, this.#charged]);
    this.#ms += ms;
    return { value, ms: cost };
  }

  bytes(size: Size): number {
    return bytesOf(size, this.rowBytes);
  }

  /** Numbers are multiplied and divided digit by digit. */
  chargeProduct(left: Size, right: Size): void {
    const [one, other] = [left, right].map((size) => Math.min(this.bytes(size), NUMERIC_DIGITS));
    const ms = PRODUCT_PRICE * (one ?? 0) * (other ?? 0);
    if (ms > MAX_ROW_MS)
      refuseSql('* / % need a side that is known to be short: cast it to int, float8 or numeric');
    this.addMs(ms);
  }
}
