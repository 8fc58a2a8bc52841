import { refuseSql } from './errors';
import {
  ALLOWED_OPERATORS,
  CONTAINED_PRICE,
  ILIKE_PRICE,
  JSON_TEXT_PRICE,
  LIKE_PRICE,
  type OperatorRule,
  PLAIN_TEXT_PRICE,
  SMALL_BYTES,
  SORT_PRICE,
} from './sql-allowed';
import { type BoundSizes, isFixed, needleBytes, nonNegative, valuesIn } from './sql-constants';
import { compareAsExpression } from './sql-keys';
import type { SqlMeter } from './sql-meter';
import type { Scope, Sizing } from './sql-scope';
import { largest, memberOf, NOTHING, type Size, sizeOf, times, together } from './sql-size';
import { isText, isWhole } from './sql-text';
import { builtInName, type Fields, listOf, only, textOf, unwrap } from './sql-tree';

interface Sides {
  readonly left: Size;
  readonly right: Size;
}

/** Sizes and costs of operators. */
export class SqlOperators {
  readonly #sizing: Sizing;
  readonly #meter: SqlMeter;
  readonly #bound: BoundSizes;

  constructor(sizing: Sizing, meter: SqlMeter, bound: BoundSizes) {
    this.#sizing = sizing;
    this.#meter = meter;
    this.#bound = bound;
  }

  /** The largest size of an operator's result; charges its cost. @throws SqlRefusedError */
  sizeOf(fields: Fields, scope: Scope): Size {
    only('A_Expr', fields, [
      'kind',
      'name',
      'lexpr',
      'rexpr',
      'location',
      'rexpr_list_start',
      'rexpr_list_end',
    ]);
    const name = builtInName(fields.name) ?? refuseSql('operators of another schema are not allowed');
    switch (fields.kind) {
      case 'AEXPR_OP':
        return this.#plainOperator(name, fields, scope);
      case 'AEXPR_LIKE':
      case 'AEXPR_ILIKE':
        return this.#like(fields, scope);
      case 'AEXPR_IN':
        return this.#in(fields, scope);
      case 'AEXPR_OP_ANY':
      case 'AEXPR_OP_ALL': {
        if (name !== '=' && name !== '<>') refuseSql('ANY and ALL of a list take = and <> only');
        this.#meter.charge(
          20,
          together([this.#sizing.sizeOf(fields.lexpr, scope), this.#sizing.sizeOf(fields.rexpr, scope)]),
        );
        return sizeOf(SMALL_BYTES);
      }
      case 'AEXPR_DISTINCT':
      case 'AEXPR_NOT_DISTINCT':
      case 'AEXPR_NULLIF': {
        const left = this.#sizing.sizeOf(fields.lexpr, scope);
        this.#meter.charge(10, together([left, this.#sizing.sizeOf(fields.rexpr, scope)]));
        return fields.kind === 'AEXPR_NULLIF' ? left : sizeOf(SMALL_BYTES);
      }
      case 'AEXPR_BETWEEN':
      case 'AEXPR_NOT_BETWEEN': {
        // PostgreSQL copies it for the two comparisons.
        const left = this.#sizing.repeated(fields.lexpr, scope, 2);
        this.#meter.charge(SORT_PRICE, together([times(left, 2), this.#sizing.sizeOf(fields.rexpr, scope)]));
        return sizeOf(SMALL_BYTES);
      }
      default:
        return refuseSql('SIMILAR TO and symmetric comparisons are not allowed');
    }
  }

  #plainOperator(name: string, fields: Fields, scope: Scope): Size {
    const rule =
      ALLOWED_OPERATORS.get(name) ??
      refuseSql(
        `operator ${name} is not allowed; allowed are ${[...ALLOWED_OPERATORS.keys()].join(' ')} and LIKE`,
      );
    const right = this.#sizing.sizeOf(fields.rexpr, scope);
    const left = fields.lexpr === undefined ? NOTHING : this.#sizing.sizeOf(fields.lexpr, scope);
    const both = together([left, right]);
    const areTexts = rule.needsText === true && this.#areTexts(fields, scope);
    this.#meter.charge(areTexts ? PLAIN_TEXT_PRICE : rule.price, both);
    this.#chargeContained(name, rule, fields, { left, right });
    if (rule.needsText === true && !isText({ A_Expr: fields }, scope))
      refuseSql('|| joins texts only, and one side must be known to be text: cast it to text');
    if (rule.takesProduct === true) this.#meter.chargeProduct(left, right);
    if (name === '=' && ![fields.lexpr, fields.rexpr].some(isFixed))
      for (const side of [fields.lexpr, fields.rexpr]) compareAsExpression(side, scope, this.#meter);
    if (rule.removes === true) this.#chargeRemoved(fields.rexpr, left);
    const isInt = [fields.lexpr, fields.rexpr].every((side) => side === undefined || isWhole(side, scope));
    if (isInt && /^[-+*/%]$/.test(name)) return sizeOf(SMALL_BYTES);
    return this.#result(name, rule, fields, { left, right });
  }

  #areTexts({ lexpr, rexpr }: Fields, scope: Scope): boolean {
    return [lexpr, rexpr].every((side) => textOf(side) !== undefined || isText(side, scope));
  }

  #result(name: string, rule: OperatorRule, fields: Fields, { left, right }: Sides): Size {
    switch (rule.result) {
      case 'small':
        return sizeOf(SMALL_BYTES);
      case 'sum':
        // One digit more, so that a recursive query cannot add up numbers without end.
        return together([largest([left, right]), sizeOf(1)]);
      case 'left':
        return left;
      case 'part': {
        const key = textOf(fields.rexpr) ?? nonNegative(fields.rexpr);
        const part = (key === undefined ? undefined : memberOf(left, key)) ?? left;
        if (name === '->>') this.#meter.charge(JSON_TEXT_PRICE, part);
        return part;
      }
      default:
        return together([left, right]);
    }
  }

  /** Charges for searching each value of one side in the other, from its beginning. */
  #chargeContained(name: string, { contained }: OperatorRule, fields: Fields, { left, right }: Sides): void {
    if (contained === undefined) return;
    const leftValues = contained === 'right' ? undefined : valuesIn(fields.lexpr, this.#bound);
    const rightValues = contained === 'left' ? undefined : valuesIn(fields.rexpr, this.#bound);
    if (rightValues !== undefined) this.#meter.charge(CONTAINED_PRICE * rightValues, left);
    else if (leftValues !== undefined) this.#meter.charge(CONTAINED_PRICE * leftValues, right);
    else refuseSql(`what ${name} looks for must be a constant or a bound value`);
  }

  /** JSON minus an array of keys: each member is compared with each key. */
  #chargeRemoved(keys: unknown, from: Size): void {
    if (this.#meter.bytes(from) <= 32 * SMALL_BYTES) return;
    const values = valuesIn(keys, this.#bound);
    if (values === undefined) refuseSql('what - removes must be a constant or a bound value');
    this.#meter.charge(CONTAINED_PRICE * values, from);
  }

  #like(fields: Fields, scope: Scope): Size {
    const text = this.#sizing.sizeOf(fields.lexpr, scope);
    const pattern = needleBytes(fields.rexpr, this.#bound, 'the pattern of LIKE');
    const isStart = /^[^%_\\]*%?$/.test(textOf(fields.rexpr) ?? '%%');
    const each = isStart ? 5 : LIKE_PRICE * pattern;
    this.#meter.charge(each + (fields.kind === 'AEXPR_ILIKE' ? ILIKE_PRICE : 0), text);
    return sizeOf(SMALL_BYTES);
  }

  #in(fields: Fields, scope: Scope): Size {
    const items = listOf(unwrap(fields.rexpr)?.fields.items);
    // PostgreSQL makes an array of literals and bound values; for any other item it copies the left side.
    const copies = items.filter((item) => !isFixed(item) || unwrap(item)?.type === 'TypeCast').length;
    const left = this.#sizing.repeated(fields.lexpr, scope, copies + 1);
    const sizes = items.map((item) => this.#sizing.sizeOf(item, scope));
    this.#meter.charge(10, together([times(left, copies + 1), ...sizes]));
    return sizeOf(SMALL_BYTES);
  }
}
