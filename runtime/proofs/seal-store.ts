import type { ClientBase } from 'pg';
import { hashesOf, type LeafSource } from './leaf';
import type { LogQuery } from './log-nodes';
import type { GuardRecord } from './rollback-guard';

/** Any constant works, as long as every version of LogLine uses the same. */
export const SEAL_LOCK = 4_011_846_202;

/** A span that waits for a position. */
export interface FeedRow extends LeafSource {
  readonly tenant: string;
  readonly txId: string;
  readonly ordinal: string;
}

/** A log as it stands before a batch. */
export interface LogHead {
  readonly logNo: number;
  readonly tenant: string;
  readonly origin: string;
  /** Undefined when the head was lost: it follows from the entries. */
  readonly size: number | undefined;
  readonly frontier: readonly Uint8Array[];
  /** Size of the newest checkpoint, 0 without any. */
  readonly checkpointSize: number;
  readonly isStopped: boolean;
}

/** Everything that one batch writes. */
export interface BatchWrite {
  readonly before: GuardRecord;
  readonly after: GuardRecord;
  readonly logs: readonly { readonly logNo: number; readonly tenant: string; readonly origin: string }[];
  /** Logs that continue under a new name from this size on. */
  readonly renamed: readonly { readonly logNo: number; readonly fromSize: number; readonly origin: string }[];
  readonly entries: readonly { readonly logNo: number; readonly position: number; readonly row: FeedRow }[];
  readonly tiles: readonly {
    readonly logNo: number;
    readonly level: number;
    readonly index: number;
    readonly root: Uint8Array;
    readonly hashes: Uint8Array;
  }[];
  readonly checkpoints: readonly {
    readonly logNo: number;
    readonly size: number;
    readonly root: Uint8Array;
    readonly signature: Uint8Array;
  }[];
  readonly lines: readonly { readonly logNo: number; readonly size: number; readonly line: string }[];
  readonly heads: readonly {
    readonly logNo: number;
    readonly size: number;
    readonly frontier: Uint8Array;
    readonly checkpointSize: number;
  }[];
  /** Spans of stopped logs, set aside. */
  readonly aside: readonly { readonly logNo: number; readonly row: FeedRow }[];
  /** Spans that were set aside and are sealed now. */
  readonly taken: readonly { readonly logNo: number; readonly row: FeedRow }[];
}

/** Greater than the size of any log, so that the name at this size is the newest. */
const NO_SIZE = '9223372036854775807';

const FEED_ROW = `r.tx_id::text AS tx_id, r.ordinal::text AS ordinal, r.id, r.seq, r.curr_hash, r.tenant_id`;

/** Reads and writes for sealing, on one connection of role `logline_sealer` with an open transaction. */
export class SealStore {
  readonly #client: ClientBase;

  constructor(client: ClientBase) {
    this.#client = client;
  }

  readonly query: LogQuery = async (text, values) => (await this.#client.query(text, [...values])).rows;

  /**
   * Tries to take the sealing lock; false when another sealer has it. A separate statement: combined with reading the cursor, its snapshot would have the cursor of
   * before the lock was taken, and rows would be sealed twice.
   */
  async lock(): Promise<boolean> {
    const { rows } = await this.#client.query({
      name: 'seal_lock',
      text: 'SELECT pg_try_advisory_xact_lock($1) AS locked',
      values: [SEAL_LOCK],
    });
    return rows[0]?.locked === true;
  }

  /** The record in the database, all epochs that it knows, and what a restore put into the names of logs. */
  async cursor(): Promise<{
    readonly record: GuardRecord;
    readonly epochs: ReadonlySet<string>;
    readonly logName: string | undefined;
  }> {
    const { rows } = await this.#client.query({
      name: 'seal_cursor',
      text: `SELECT batch, tx_id::text AS tx_id, ordinal::text AS ordinal, encode(digest, 'hex') AS digest,
                    (SELECT array_agg(epoch::text ORDER BY number) FROM app.feed_epoch) AS epochs,
                    (SELECT log_name FROM app.feed_epoch WHERE log_name IS NOT NULL ORDER BY number DESC LIMIT 1) AS log_name
               FROM app.seal_cursor`,
    });
    const [row] = rows;
    const epochs: string[] = row.epochs;
    const { tx_id, ordinal, digest } = row;
    const record = { epoch: epochs.at(-1) ?? '', batch: Number(row.batch), tx_id, ordinal, digest };
    return { record, epochs: new Set(epochs), logName: row.log_name ?? undefined };
  }

  /** Records in the database whether it was found to be older than what was signed. */
  async setRestoreNeeded(isNeeded: boolean): Promise<void> {
    await this.#client.query(
      'UPDATE app.seal_cursor SET restore_needed = $1 WHERE restore_needed IS DISTINCT FROM $1',
      [isNeeded],
    );
  }

  /**
   * The next spans after a feed position. Stops before transactions that may still be in progress, so that a late commit
   * is never skipped.
   * @param upTo last position to read
   */
  async feed(after: GuardRecord, limit: number, upTo?: GuardRecord): Promise<readonly FeedRow[]> {
    const { rows } = await this.#client.query({
      name: 'seal_feed',
      text: `SELECT ${FEED_ROW} FROM ledger.universal_registry r
              WHERE r.seq >= 0 AND (r.tx_id, r.ordinal) > ($1::xid8, $2::bigint) AND r.tx_id < pg_snapshot_xmin(pg_current_snapshot())
                AND ($4::xid8 IS NULL OR (r.tx_id, r.ordinal) <= ($4::xid8, $5::bigint))
              ORDER BY r.tx_id, r.ordinal LIMIT $3`,
      values: [after.tx_id, after.ordinal, limit, upTo?.tx_id ?? null, upTo?.ordinal ?? null],
    });
    return rows.map(feedRow);
  }

  /** Spans of resumed logs that were set aside while the log was stopped. */
  async aside(limit: number): Promise<readonly FeedRow[]> {
    const { rows } = await this.#client.query({
      name: 'seal_aside',
      text: `SELECT ${FEED_ROW} FROM app.unsealed u
               JOIN app.log_head h ON h.log_no = u.log_no AND h.stopped_at IS NULL
               JOIN ledger.universal_registry r ON r.id = u.id AND r.seq = u.seq
              ORDER BY u.tx_id, u.ordinal LIMIT $1`,
      values: [limit],
    });
    return rows.map(feedRow);
  }

  async heads(tenants: readonly string[]): Promise<readonly LogHead[]> {
    const { rows } = await this.#client.query({
      name: 'seal_heads',
      text: `SELECT l.log_no, l.tenant_id, ledger.log_origin_at(l.log_no, ${NO_SIZE}) AS origin, h.size, h.frontier, h.checkpoint_size, h.stopped_at
               FROM ledger.log l LEFT JOIN app.log_head h ON h.log_no = l.log_no
              WHERE l.tenant_id = ANY ($1::text[])`,
      values: [tenants],
    });
    return rows.map((row) => ({
      logNo: row.log_no,
      tenant: row.tenant_id,
      origin: row.origin,
      size: row.size === null ? undefined : Number(row.size),
      frontier: row.frontier === null ? [] : (hashesOf(row.frontier) ?? []),
      checkpointSize: Number(row.checkpoint_size ?? 0),
      isStopped: row.stopped_at !== null,
    }));
  }

  /** Size of a log, and of its newest checkpoint, from its own rows. */
  async sizesOf(logNo: number): Promise<{ readonly size: number; readonly checkpointSize: number }> {
    const { rows } = await this.#client.query(
      `SELECT (SELECT coalesce(max(position) + 1, 0) FROM ledger.log_entry WHERE log_no = $1) AS size,
              (SELECT coalesce(max(size), 0) FROM ledger.checkpoint WHERE log_no = $1) AS checkpoint_size`,
      [logNo],
    );
    return { size: Number(rows[0]?.size), checkpointSize: Number(rows[0]?.checkpoint_size) };
  }

  async lastLogNo(): Promise<number> {
    const { rows } = await this.#client.query('SELECT coalesce(max(log_no), 0) AS last FROM ledger.log');
    return Number(rows[0]?.last);
  }

  /**
   * Writes a batch in one statement, if the cursor is still where it was.
   * @returns false when it is not
   */
  async write(batch: BatchWrite): Promise<boolean> {
    const { before, after, logs, renamed, entries, tiles, checkpoints, lines, heads, aside, taken } = batch;
    const { rows } = await this.#client.query({
      name: 'seal_write',
      text: WRITE,
      values: [
        before.batch,
        after.tx_id,
        after.ordinal,
        after.digest,
        logs.map(({ logNo }) => logNo),
        logs.map(({ tenant }) => tenant),
        logs.map(({ origin }) => origin),
        entries.map(({ logNo }) => logNo),
        entries.map(({ position }) => position),
        entries.map(({ row }) => row.id),
        entries.map(({ row }) => row.seq),
        entries.map(({ row }) => row.curr_hash),
        tiles.map(({ logNo }) => logNo),
        tiles.map(({ level }) => level),
        tiles.map(({ index }) => index),
        tiles.map(({ root }) => root),
        tiles.map(({ hashes }) => hashes),
        checkpoints.map(({ logNo }) => logNo),
        checkpoints.map(({ size }) => size),
        checkpoints.map(({ root }) => root),
        checkpoints.map(({ signature }) => signature),
        lines.map(({ logNo }) => logNo),
        lines.map(({ size }) => size),
        lines.map(({ line }) => line),
        heads.map(({ logNo }) => logNo),
        heads.map(({ size }) => size),
        heads.map(({ frontier }) => frontier),
        heads.map(({ checkpointSize }) => checkpointSize),
        aside.map(({ logNo }) => logNo),
        aside.map(({ row }) => row.txId),
        aside.map(({ row }) => row.ordinal),
        aside.map(({ row }) => row.id),
        aside.map(({ row }) => row.seq),
        taken.map(({ logNo }) => logNo),
        taken.map(({ row }) => row.txId),
        taken.map(({ row }) => row.ordinal),
        renamed.map(({ logNo }) => logNo),
        renamed.map(({ fromSize }) => fromSize),
        renamed.map(({ origin }) => origin),
      ],
    });
    return rows.length > 0;
  }
}

/** Every part depends on the fence: if another sealer has moved the cursor, nothing is written. */
const WRITE = `
  WITH fence AS (
    UPDATE app.seal_cursor
       SET batch = batch + 1, tx_id = $2::xid8, ordinal = $3::bigint, digest = decode($4, 'hex'), sealed_at = now(),
           restore_needed = false
     WHERE batch = $1::bigint RETURNING batch
  ), logs AS (
    INSERT INTO ledger.log (log_no, tenant_id, origin)
    SELECT new.* FROM fence, unnest($5::int[], $6::text[], $7::text[]) AS new
  ), entries AS (
    INSERT INTO ledger.log_entry (log_no, position, id, seq, curr_hash)
    SELECT new.log_no, new.position, new.id, new.seq, decode(new.curr_hash, 'hex')
      FROM fence, unnest($8::int[], $9::bigint[], $10::uuid[], $11::int[], $12::text[])
             AS new (log_no, position, id, seq, curr_hash)
  ), tiles AS (
    INSERT INTO ledger.log_tile (log_no, level, index, root, hashes)
    SELECT new.* FROM fence, unnest($13::int[], $14::smallint[], $15::bigint[], $16::bytea[], $17::bytea[]) AS new
  ), checkpoints AS (
    INSERT INTO ledger.checkpoint (log_no, size, root, signature)
    SELECT new.* FROM fence, unnest($18::int[], $19::bigint[], $20::bytea[], $21::bytea[]) AS new
  ), lines AS (
    INSERT INTO ledger.checkpoint_line (log_no, size, line)
    SELECT new.* FROM fence, unnest($22::int[], $23::bigint[], $24::text[]) AS new
  ), heads AS (
    INSERT INTO app.log_head (log_no, size, frontier, checkpoint_size)
    SELECT new.* FROM fence, unnest($25::int[], $26::bigint[], $27::bytea[], $28::bigint[]) AS new
        ON CONFLICT (log_no) DO UPDATE
       SET size = excluded.size, frontier = excluded.frontier, checkpoint_size = excluded.checkpoint_size
  ), aside AS (
    INSERT INTO app.unsealed (log_no, tx_id, ordinal, id, seq)
    SELECT new.* FROM fence, unnest($29::int[], $30::xid8[], $31::bigint[], $32::uuid[], $33::int[]) AS new
  ), taken AS (
    DELETE FROM app.unsealed u
     USING fence, unnest($34::int[], $35::xid8[], $36::bigint[]) AS old (log_no, tx_id, ordinal)
     WHERE u.log_no = old.log_no AND u.tx_id = old.tx_id AND u.ordinal = old.ordinal
  ), renamed AS (
    INSERT INTO ledger.log_origin (log_no, from_size, origin)
    SELECT new.* FROM fence, unnest($37::int[], $38::bigint[], $39::text[]) AS new
  )
  SELECT batch FROM fence`;

function feedRow(row: Readonly<Record<string, string>>): FeedRow {
  return {
    id: String(row.id),
    seq: Number(row.seq),
    curr_hash: String(row.curr_hash),
    tenant: String(row.tenant_id),
    txId: String(row.tx_id),
    ordinal: String(row.ordinal),
  };
}
