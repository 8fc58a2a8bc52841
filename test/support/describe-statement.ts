import type { Client, Connection } from 'pg';

/** A column of a statement's result, as PostgreSQL describes it. */
export interface DescribedColumn {
  readonly name: string;
  /** `pg_type.oid`. */
  readonly typeOid: number;
}

/**
 * Describes a statement without running it (Parse and Describe of the extended protocol).
 * @returns its columns; empty for a statement without a result
 * @throws Error of PostgreSQL for a statement that does not fit the schema.
 */
export function describeStatement(client: Client, text: string): Promise<readonly DescribedColumn[]> {
  return new Promise((resolve, reject) => {
    let columns: readonly DescribedColumn[] = [];
    let failure: Error | undefined;
    client.query({
      submit(connection: Connection) {
        connection.parse({ name: '', text, types: [] }, true);
        connection.describe({ type: 'S', name: '' }, true);
        connection.sync();
      },
      handleRowDescription({ fields }: { readonly fields: readonly { name: string; dataTypeID: number }[] }) {
        columns = fields.map(({ name, dataTypeID }) => ({ name, typeOid: dataTypeID }));
      },
      handleParseComplete() {},
      handleError(error: Error) {
        failure = error;
        reject(error);
      },
      handleReadyForQuery() {
        if (failure === undefined) resolve(columns);
      },
    } as never);
  });
}
