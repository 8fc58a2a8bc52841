import { MalformedError } from '../base/errors';
import type { Identity } from '../base/identity';
import type { JsonValue } from '../base/span';
import type { Database } from '../db/pool';
import { withPg } from '../db/with-pg';
import { checkSql } from '../sandbox';

/** Rows that one statement of user code may return. */
const MAX_ROWS = 1_000;
const STATEMENT_TIMEOUT_MS = 2_000;

/** What `ctx.sql` of the sandbox sends. */
export interface UserStatement {
  readonly text: string;
  readonly values: readonly JsonValue[];
}

/**
 * One query of user code, under its owner's identity. Three walls behind each other: PostgreSQL's own parser
 * with an allow-list (checkSql), a read-only transaction of its own, and a cursor, which takes a query and
 * nothing else.
 * @throws SqlRefusedError, MalformedError for too many rows, and what the database says of the query.
 */
export async function runUserSql(
  database: Database,
  identity: Identity,
  { text, values }: UserStatement,
): Promise<{ rows: JsonValue[] }> {
  await checkSql(text, values.length);
  return withPg(
    database,
    identity,
    async ({ client }) => {
      await client.query(`DECLARE user_query NO SCROLL CURSOR FOR ${text}`, values.map(bindable));
      const { rows } = await client.query(`FETCH ${MAX_ROWS + 1} FROM user_query`);
      if (rows.length > MAX_ROWS)
        throw new MalformedError(`The query returns more than ${MAX_ROWS} rows; add a LIMIT.`);
      // The way through JSON that the rows take anyway; done here, so that nothing else can be handed out.
      return { rows: JSON.parse(JSON.stringify(rows)) };
    },
    { readOnly: true, statementTimeoutMs: STATEMENT_TIMEOUT_MS },
  );
}

/** Lists become PostgreSQL arrays; any other object is JSON. */
function bindable(value: JsonValue): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? JSON.stringify(value) : value;
}
