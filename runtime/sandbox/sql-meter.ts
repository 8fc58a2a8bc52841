import { refuseSql } from './errors';
import { MAX_ROW_MS, NUMERIC_DIGITS, PRODUCT_PRICE } from './sql-allowed';
import { bytesOf, NOTHING, type Size, times, together } from './sql-size';

const MIB = 1024 * 1024;

/** Adds up the cost of a statement, in milliseconds, while its tree is walked. */
export class SqlMeter {
  /** Bytes of a row of each source of the statement, by the source's number. */
  readonly rowBytes: number[] = [];
  #ms = 0;
  /** Sum of sizes times their prices. */
  #charged: Size = NOTHING;

  /** Adds the cost of work on a size. @param price milliseconds per MiB */
  charge(price: number, size: Size): void {
    this.#charged = together([this.#charged, times(size, price)]);
  }

  addMs(ms: number): void {
    this.#ms += ms;
  }

  /** Runs `work`, and returns its result and what it charged, in milliseconds. */
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

  /** Charges long multiplication or division. @throws SqlRefusedError when that alone is too much */
  chargeProduct(left: Size, right: Size): void {
    const [one, other] = [left, right].map((size) => Math.min(this.bytes(size), NUMERIC_DIGITS));
    const ms = PRODUCT_PRICE * (one ?? 0) * (other ?? 0);
    if (ms > MAX_ROW_MS)
      refuseSql('* / % need a side that is known to be short: cast it to int, float8 or numeric');
    this.addMs(ms);
  }
}
