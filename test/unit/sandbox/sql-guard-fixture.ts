import assert from 'node:assert/strict';
import { checkSql, SqlRefusedError } from '../../../runtime/sandbox';

export const FROM = 'FROM ledger.visible_timeline';

/** Nine values of eight bytes, unless a test says otherwise. */
export const VALUES: readonly string[] = Array(9).fill('12345678');

/** The guard refuses a text, as the caller of ctx.sql sees it. */
export async function refused(
  text: string,
  message: RegExp,
  values: readonly string[] = VALUES,
): Promise<void> {
  await assert.rejects(checkSql(text, values), (error: unknown) => {
    assert.ok(error instanceof SqlRefusedError, `expected a refusal, got ${error}`);
    assert.equal(error.code, 'sql_refused');
    assert.match(error.message, message);
    return true;
  });
}

/** `count` copies of an item, with its number for each `#`. */
export const join = (count: number, item: string, by = ', '): string =>
  Array.from({ length: count }, (_, index) => item.replaceAll('#', String(index))).join(by);

/** A text around itself, `count` times. */
export const nest = (count: number, inner: string, around: (inner: string) => string): string =>
  count === 0 ? inner : around(nest(count - 1, inner, around));
