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
import { type BoundSizes, isFixed, needleBytes } from './sql-constants';
import type { SqlKeys } from './sql-keys';
import type { SqlMeter } from './sql-meter';
import { cutByNumber } from './sql-rewrite';
import type { Scope, Sizing } from './sql-scope';
import { NOTHING, type Size, sizeOf, times, together } from './sql-size';
import { isStored } from './sql-text';
import { isZoneName } from './sql-times';
import { builtInName, type Fields, fieldsOf, integerOf, isFields, listOf, only, unwrap } from './sql-tree';

/** Most bytes of all arguments of a `smallOnly` function. */
const MAX_SMALL_ARGUMENT_BYTES = 8 * SMALL_BYTES;

/** Most digits that round and trunc keep. */
const MAX_DIGITS = 100;
/** A word of a format is at most as many times as long when it is spelled out: J is 2147483494. */
const FORMAT_GROWTH = 10;

const CALL_MEMBERS =
  `funcname args agg_order agg_filter over agg_within_group agg_star agg_distinct funcformat`.split(/\s+/);

interface FunctionParts {
  readonly sizing: Sizing;
  readonly keys: SqlKeys;
  readonly meter: SqlMeter;
  readonly bound: BoundSizes;
}

/** Sizes and costs of function calls. */
export class SqlFunctions {
  readonly #sizing: Sizing;
  readonly #keys: SqlKeys;
  readonly #meter: SqlMeter;
  readonly #bound: BoundSizes;

  constructor({ sizing, keys, meter, bound }: FunctionParts) {
    this.#sizing = sizing;
    this.#keys = keys;
    this.#meter = meter;
    this.#bound = bound;
  }

  /** The largest size of a call's result; charges its cost. @throws SqlRefusedError */
  sizeOf(fields: Fields, scope: Scope): Size {
    only('FuncCall', fields, CALL_MEMBERS);
    const name = builtInName(fields.funcname) ?? '';
    const rule = ALLOWED_FUNCTIONS.get(name) ?? refuseSql(`function ${name} is not allowed`);
    if (name === 'substring') cutByNumber(fields);
    const args = listOf(fields.args);
    if (rule.digits !== undefined) checkDigits(name, args[rule.digits]);
    if (rule.fraction === true) checkFraction(name, args[0]);
    if (rule.zone !== undefined) this.#checkZone(args[rule.zone]);
    const sizes = args.map((item) => this.#sizing.sizeOf(item, scope));
    const all = together(sizes);
    this.#meter.charge(rule.price, all);
    if (fields.agg_distinct === true) {
      this.#meter.keepRows();
      this.#meter.charge(SORT_PRICE, all);
      this.#keys.keepAll(args.map((arg, at) => ({ size: sizes[at] ?? all, isStored: isStored(arg, scope) })));
    }
    if (fields.agg_filter !== undefined) this.#sizing.sizeOf(fields.agg_filter, scope);
    this.#keys.orderInside(fields.agg_order, scope);
    if (isFields(fields.over)) this.#sizing.window(fields.over, scope);
    if (rule.smallOnly === true && this.#meter.bytes(all) > MAX_SMALL_ARGUMENT_BYTES)
      refuseSql(`${name} takes short values only: cast what you give it to a number, a date or a timestamp`);
    if (rule.needle !== undefined && args.length > rule.needle) {
      const needle = needleBytes(args[rule.needle], this.#bound, `what ${name} looks for`);
      this.#meter.charge(NEEDLE_PRICE * needle, sizes[0] ?? NOTHING);
    }
    if (rule.squares === true) this.#meter.chargeProduct(all, all);
    return this.#returned(name, rule, args, sizes);
  }

  #checkZone(zone: unknown): void {
    if (zone === undefined) return;
    if (!isFixed(zone)) refuseSql('a time zone must be a constant or a bound value');
    if (!isZoneName(zone)) this.#meter.leavesTraces = true;
  }

  #returned(name: string, rule: FunctionRule, args: readonly unknown[], sizes: readonly Size[]): Size {
    const all = together(sizes);
    switch (rule.result) {
      case 'args':
        return all;
      case 'more':
        return together([all, sizeOf(SMALL_BYTES)]);
      case 'joined': {
        // The first one stands between all others.
        const joined = together([all, times(sizes[0] ?? NOTHING, args.length)]);
        this.#meter.charge(rule.price, joined);
        return times(together([joined, sizeOf(SMALL_BYTES * (args.length + 1))]), 2);
      }
      case 'spelled':
        return times(together([all, sizeOf(SMALL_BYTES)]), FORMAT_GROWTH);
      case 'double':
        return times(together([all, sizeOf(SMALL_BYTES * (args.length + 1))]), 2);
      case 'picked':
        return sizeOf(this.#meter.bytes(all));
      case 'number':
        return sizeOf(Math.min(this.#meter.bytes(all), NUMERIC_DIGITS) + SMALL_BYTES);
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

function checkDigits(name: string, digits: unknown): void {
  if (digits !== undefined && !(Math.abs(integerOf(digits) ?? Number.POSITIVE_INFINITY) <= MAX_DIGITS))
    refuseSql(`the digits that ${name} keeps must be a constant of at most ${MAX_DIGITS}`);
}

/** An array of fractions makes as many copies of the values. */
function checkFraction(name: string, fraction: unknown): void {
  const node = unwrap(fraction);
  const isNumber = node?.type === 'A_Const' && !isFields(node.fields.sval);
  const isCast = node?.type === 'TypeCast' && listOf(fieldsOf(node.fields.typeName).arrayBounds).length === 0;
  if (!isNumber && !isCast) refuseSql(`the fraction of ${name} must be a number, or cast to float8`);
}
