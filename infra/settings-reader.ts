/**
 * Reads untrusted, nested configuration and collects every fault instead of stopping at the first.
 * Paths in messages are written as the user writes them: `logline:database.instanceClass`.
 */

/** The kinds of value an object may hold; anything else is a fault. */
type Plain = Record<string, unknown>;

/** Range and default of a number. */
export interface IntegerRule {
  /** Smallest value allowed. */
  readonly min: number;
  /** Largest value allowed. */
  readonly max: number;
  /** Value when the key is not set. */
  readonly fallback: number;
}

/** One object of the configuration, with the keys that it may have. */
export class SettingsReader {
  readonly #path: string;
  readonly #value: Plain;
  readonly #faults: string[];

  /**
   * @param path what messages call this object
   * @param value what the user wrote; `undefined` reads as an empty object
   * @param known every key that is allowed; others are faults, so that a misspelling is never ignored
   * @param faults where messages go
   */
  constructor(path: string, value: unknown, known: readonly string[], faults: string[]) {
    this.#path = path;
    this.#faults = faults;
    if (value === undefined || value === null) {
      this.#value = {};
      return;
    }
    if (typeof value !== 'object' || Array.isArray(value)) {
      faults.push(`${path}: expected an object with ${known.join(', ')}; got ${show(value)}`);
      this.#value = {};
      return;
    }
    this.#value = Object.fromEntries(Object.entries(value));
    for (const key of Object.keys(this.#value)) {
      if (!known.includes(key)) {
        faults.push(`${this.#at(key)}: unknown key${suggestion(key, known)}; allowed: ${known.join(', ')}`);
      }
    }
  }

  /** True when the key is set. An empty object or text counts as not set, since `Pulumi.yaml` uses them as defaults. */
  has(key: string): boolean {
    const value = this.#value[key];
    return value !== undefined && value !== '' && JSON.stringify(value) !== '{}';
  }

  /** True when the value is exactly this text. */
  is(key: string, text: string): boolean {
    return this.#value[key] === text;
  }

  /** An object below this one. */
  object(key: string, known: readonly string[]): SettingsReader {
    return new SettingsReader(this.#at(key), this.#value[key], known, this.#faults);
  }

  /** True or false, also as text, as `pulumi config set` stores it. */
  boolean(key: string, fallback: boolean): boolean {
    const value = this.#value[key];
    if (value === undefined) {
      return fallback;
    }
    // `pulumi config set` without --path stores every scalar as text.
    if (value === true || value === 'true') {
      return true;
    }
    if (value === false || value === 'false') {
      return false;
    }
    return this.#refuse(key, 'true or false', fallback);
  }

  /** A whole number within `rule`. */
  integer(key: string, rule: IntegerRule): number {
    const value = this.#value[key];
    if (value === undefined) {
      return rule.fallback;
    }
    const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
    if (typeof number === 'number' && Number.isInteger(number) && number >= rule.min && number <= rule.max) {
      return number;
    }
    return this.#refuse(key, `a whole number from ${rule.min} to ${rule.max}`, rule.fallback);
  }

  /** A number in steps of 0.5, as Aurora counts capacity. */
  halves(key: string, rule: IntegerRule): number {
    const value = this.#value[key];
    if (value === undefined) {
      return rule.fallback;
    }
    const number = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
    return typeof number === 'number' &&
      Number.isInteger(number * 2) &&
      number >= rule.min &&
      number <= rule.max
      ? number
      : this.#refuse(key, `a number from ${rule.min} to ${rule.max} in steps of 0.5`, rule.fallback);
  }

  /** A number from a list, for settings such as log retention where AWS allows only some. */
  numberOf(key: string, allowed: readonly number[], fallback: number): number {
    const value = this.#value[key];
    if (value === undefined) {
      return fallback;
    }
    const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
    return typeof number === 'number' && allowed.includes(number)
      ? number
      : this.#refuse(key, `one of ${allowed.join(', ')}`, fallback);
  }

  /** One of a few texts. */
  oneOf<T extends string>(key: string, allowed: readonly T[], fallback: T): T {
    const value = this.#value[key];
    if (value === undefined) {
      return fallback;
    }
    const found = allowed.find((item) => item === value);
    return found ?? this.#refuse(key, `one of ${allowed.join(', ')}`, fallback);
  }

  /** Text that matches `rule`; `allowed` says in words what that is. */
  text(key: string, rule: RegExp, allowed: string, fallback: string): string {
    const value = this.#value[key];
    if (value === undefined) {
      return fallback;
    }
    return typeof value === 'string' && rule.test(value) ? value : this.#refuse(key, allowed, fallback);
  }

  /** Text that matches `rule`, or undefined when the key is not set. */
  optionalText(key: string, rule: RegExp, allowed: string): string | undefined {
    return this.has(key) ? this.text(key, rule, allowed, '') : undefined;
  }

  /** A list of texts that each match `rule`. */
  texts(key: string, rule: RegExp, allowed: string, fallback: readonly string[]): readonly string[] {
    const value = this.#value[key];
    if (value === undefined) {
      return fallback;
    }
    if (Array.isArray(value) && value.every((item) => typeof item === 'string' && rule.test(item))) {
      return value.map(String);
    }
    return this.#refuse(key, `a list, each item ${allowed}`, fallback);
  }

  /** A map of text to text. */
  map(key: string, keyRule: RegExp, valueRule: RegExp, allowed: string): Readonly<Record<string, string>> {
    const value = this.#value[key];
    if (value === undefined) {
      return {};
    }
    const entries =
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.entries(value)
        : undefined;
    if (
      !entries?.every(
        ([name, item]) => keyRule.test(name) && typeof item === 'string' && valueRule.test(item),
      )
    ) {
      return this.#refuse(key, allowed, {});
    }
    return Object.fromEntries(entries.map(([name, item]) => [name, String(item)]));
  }

  /** Records a fault that concerns `key`. */
  fault(key: string, message: string): void {
    this.#faults.push(`${this.#at(key)}: ${message}`);
  }

  #at(key: string): string {
    return this.#path.endsWith(':') ? `${this.#path}${key}` : `${this.#path}.${key}`;
  }

  #refuse<T>(key: string, allowed: string, fallback: T): T {
    this.fault(key, `expected ${allowed}; got ${show(this.#value[key])}`);
    return fallback;
  }
}

/** A value for a message, cut short: it might be a secret pasted into the wrong key. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 40)}…` : text;
}

function suggestion(key: string, known: readonly string[]): string {
  const near = known.find((candidate) => distance(key.toLowerCase(), candidate.toLowerCase()) <= 2);
  return near === undefined ? '' : ` (did you mean ${near}?)`;
}

/** Levenshtein distance, for "did you mean". */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
