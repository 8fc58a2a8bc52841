import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { Client, type ClientConfig, type Connection, type Submittable } from 'pg';
import { OperatorError, oneLine, systemErrorCode } from '../../local/operator-error';
import { withoutCrash } from '../../runtime/db/admin-client';
import type { DatabaseOptions } from '../../runtime/db/database-options';
import { clientConfig } from '../../runtime/db/pool';

/** `WAL true` includes the WAL that recovery needs, so the archive is self-contained. */
const BASE_BACKUP = "BASE_BACKUP (LABEL 'logline', CHECKPOINT 'fast', WAL true, MANIFEST 'no')";
/** Types of CopyData messages: start of an archive, and archive data. */
const NEW_ARCHIVE = 0x6e;
const DATA = 0x64;

/**
 * Streams a server's data folder as one tar file over PostgreSQL's replication protocol, without pg_basebackup and
 * without access to the folder. A temporary slot keeps the server from recycling WAL that recovery needs.
 * @param options a superuser or a role with REPLICATION
 * @throws OperatorError when the role lacks the right, or the server has further tablespaces
 * @see https://www.postgresql.org/docs/current/protocol-replication.html
 */
export async function* baseBackupOf(options: DatabaseOptions): AsyncGenerator<Buffer> {
  const config: ClientConfig & { replication: string } = {
    ...clientConfig({ ...options, statementTimeoutMs: 0, applicationName: 'logline backup' }),
    pipeline: false,
    replication: 'true',
  };
  const client = withoutCrash(new Client(config));
  try {
    await client.connect();
    const slot = `logline_backup_${randomBytes(6).toString('hex')}`;
    await client.query(`CREATE_REPLICATION_SLOT ${slot} TEMPORARY PHYSICAL RESERVE_WAL`);
    yield* client.query(new BaseBackupQuery()).bytes;
  } catch (cause) {
    throw explain(cause);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function explain(cause: unknown): unknown {
  const code = systemErrorCode(cause);
  const isForbidden = code === '42501' || code === '28000' || code === '08P01';
  if (!isForbidden) return cause;
  return new OperatorError(
    `this role may not copy the server's data folder (${oneLine(cause)}); it has to be a superuser's or have REPLICATION, pg_hba.conf has to allow it the database "replication", and no pooler may stand between; or leave out --base for a dump`,
    { cause },
  );
}

/** The answer of BASE_BACKUP as a stream with backpressure. */
class BaseBackupQuery implements Submittable {
  readonly bytes = new PassThrough();
  #archives = 0;

  submit(connection: Connection): void {
    connection.query(BASE_BACKUP);
  }

  handleCopyData({ chunk }: { readonly chunk: Buffer }, { stream }: Connection): void {
    if (chunk[0] === NEW_ARCHIVE) this.#archives += 1;
    if (this.#archives > 1) {
      this.bytes.destroy(
        new OperatorError(
          'the server has tablespaces of its own, which --base does not copy; leave it out for a dump',
        ),
      );
    }
    if (chunk[0] !== DATA || this.bytes.destroyed) return;
    // Copied, because the parser reuses its buffer.
    if (this.bytes.write(Buffer.from(chunk.subarray(1))) || stream.isPaused()) return;
    stream.pause();
    this.bytes.once('drain', () => stream.resume());
  }

  handleError(error: Error): void {
    this.bytes.destroy(error);
  }

  handleReadyForQuery(): void {
    this.bytes.end();
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleCommandComplete(): void {}
}
