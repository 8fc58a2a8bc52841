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
