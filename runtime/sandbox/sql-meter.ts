import { refuseSql } from './errors';
import { MAX_ROW_MS, NUMERIC_DIGITS, PRODUCT_PRICE, SORT_PRICE } from './sql-allowed';
import { bytesOf, NOTHING, type Size, times, together } from './sql-size';

const MIB = 1024 * 1024;
/** Most sorts, groupings, windows and lists of a statement: each keeps rows in up to twice `work_mem`. */
const MAX_KEPT = 8;
/** Most bytes of all values that are sorted on their own. */
const MAX_VALUE_BYTES = 16 * 1024;

/** Adds up the cost of a statement, in milliseconds, while its tree is walked. */
export class SqlMeter {
  /** Bytes of a row of each source of the statement, by the source's number. */
  readonly rowBytes: number[] = [];
  /** Whether the session may keep memory for the statement afterwards; see sql-times.ts. */
  leavesTraces = false;
  #ms = 0;
  #kept = 0;
  #valueBytes = 0;
  /** Sum of sizes times their prices. */
  #charged: Size = NOTHING;

  /** Adds the cost of work on a size. @param price milliseconds per MiB */
  charge(price: number, size: Size): void {
    this.#charged = together([this.#charged, times(size, price)]);
  }

  /**
   * Checks the cost of comparing a sort key of two rows. It is not added to the cost of a row, since a sort checks for
   * interrupts between comparisons.
   * @throws SqlRefusedError when that alone is too much
   */
  compare(size: Size): void {
    const ms = (this.bytes(size) / MIB) * SORT_PRICE;
    if (ms > MAX_ROW_MS)
      refuseSql(`comparing what it sorts by can take ${Math.ceil(ms)} ms (the most is ${MAX_ROW_MS} ms)`);
  }

  /** Counts a step that keeps rows in memory. @throws SqlRefusedError when there are too many */
  keepRows(): void {
    this.#kept += 1;
    if (this.#kept > MAX_KEPT)
      refuseSql(`it sorts, groups, compares or numbers rows in more than ${MAX_KEPT} ways; make it several`);
  }

  /** Counts values that a sort keeps in memory, up to 2,700 of each. @throws SqlRefusedError when they can be too long */
  keepValues(bytes: number): void {
    this.#valueBytes += bytes;
    if (this.#valueBytes > MAX_VALUE_BYTES) {
      refuseSql(
        `it compares or counts values that can be ${Math.ceil(this.#valueBytes / 1024)} KiB long ` +
          `(the most is ${MAX_VALUE_BYTES / 1024}); cut long texts first: left(metadata->>'name', 1000)`,
      );
    }
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
