import { refuseSql } from './errors';
import {
  ALLOWED_FUNCTIONS,
  type FunctionRule,
  NEEDLE_PRICE,
  NUMERIC_DIGITS,
  SMALL_BYTES,
  SORT_PRICE,
  SPAN_BYTES,
} from './sql-allowed';
import { type BoundSizes, needleBytes } from './sql-constants';
import type { SqlMeter } from './sql-meter';
import type { Scope, Sizing } from './sql-scope';
import { NOTHING, type Size, sizeOf, times, together } from './sql-size';
import { builtInName, type Fields, integerOf, isFields, listOf, only } from './sql-tree';

/** Most bytes of all arguments of a `smallOnly` function. */
const MAX_SMALL_ARGUMENT_BYTES = 8 * SMALL_BYTES;

const CALL_MEMBERS =
  `funcname args agg_order agg_filter over agg_within_group agg_star agg_distinct funcformat`.split(/\s+/);

/** Sizes and costs of function calls. */
export class SqlFunctions {
  readonly #sizing: Sizing;
  readonly #meter: SqlMeter;
  readonly #bound: BoundSizes;

  constructor(sizing: Sizing, meter: SqlMeter, bound: BoundSizes) {
    this.#sizing = sizing;
    this.#meter = meter;
    this.#bound = bound;
  }

  /** The largest size of a call's result; charges its cost. @throws SqlRefusedError */
  sizeOf(fields: Fields, scope: Scope): Size {
    only('FuncCall', fields, CALL_MEMBERS);
    const name = builtInName(fields.funcname) ?? '';
    const rule = ALLOWED_FUNCTIONS.get(name) ?? refuseSql(`function ${name} is not allowed`);
    const args = listOf(fields.args);
    const sizes = args.map((item) => this.#sizing.sizeOf(item, scope));
    const all = together(sizes);
    this.#meter.charge(rule.price, all);
    if (fields.agg_distinct === true) this.#meter.charge(SORT_PRICE, all);
    if (fields.agg_filter !== undefined) this.#sizing.sizeOf(fields.agg_filter, scope);
    this.#sizing.sorts(fields.agg_order, scope);
    if (isFields(fields.over)) this.#sizing.window(fields.over, scope);
    if (rule.smallOnly === true && this.#meter.bytes(all) > MAX_SMALL_ARGUMENT_BYTES)
      refuseSql(`${name} takes short values only: cast what you give it to a number, a date or a timestamp`);
    if (rule.needle !== undefined && args.length > rule.needle) {
      const needle = needleBytes(args[rule.needle], this.#bound, `what ${name} looks for`);
      this.#meter.charge(NEEDLE_PRICE * needle, sizes[0] ?? NOTHING);
    }
    if (rule.squares === true) this.#meter.chargeProduct(all, all);
    return this.#returned(name, rule, args, all);
  }

  #returned(name: string, rule: FunctionRule, args: readonly unknown[], all: Size): Size {
    switch (rule.result) {
      case 'args':
        return all;
      case 'double':
        return times(together([all, sizeOf(SMALL_BYTES * (args.length + 1))]), 2);
      case 'picked':
        return sizeOf(this.#meter.bytes(all));
      case 'number': {
        const bytes = this.#meter.bytes(all);
        return sizeOf(bytes <= SMALL_BYTES ? SMALL_BYTES : Math.min(bytes, NUMERIC_DIGITS) + SMALL_BYTES);
      }
      case 'cut': {
        const characters =
          args.length === (name.startsWith('sub') ? 3 : 2) ? integerOf(args.at(-1)) : undefined;
        return characters === undefined || characters < 0 || characters * 4 > SPAN_BYTES
          ? all
          : sizeOf(Math.max(SMALL_BYTES, characters * 4));
      }
      default:
        return sizeOf(SMALL_BYTES);
    }
  }
}
