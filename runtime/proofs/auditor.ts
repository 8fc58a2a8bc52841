import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import { type SignedSpan, SPAN_COLUMNS } from '../base/span';
import { hex, type SigningKey, toU8 } from '../crypto';
import { asLogLineError, isConnectionLost } from '../db/database-error';
import type { Database } from '../db/pool';
import { spanOfRow } from '../ledger/span-row';
import { hashSpan, verifySpan } from '../ledger/span-signature';

export interface AuditorOptions {
  /** As role `logline_auditor`. */
  readonly database: Database;
  /** Instance keys at hand: signing again and comparing takes a third of verifying. */
  readonly keys: () => readonly SigningKey[];
  /** Called for each span that differs from its log entry. */
  readonly onMismatch: (mismatch: AuditMismatch) => void;
}

/** A span that differs from its log entry or does not verify. */
export interface AuditMismatch {
  readonly tenant: string;
  readonly logNo: number;
  readonly position: number;
  readonly id: string;
  readonly seq: number;
  readonly detail: string;
}

/** One log entry with its span. */
interface Audited {
  readonly logNo: number;
  readonly position: number;
  readonly id: string;
  readonly seq: number;
  readonly txId: string;
  readonly ordinal: string;
  readonly logged: string;
  readonly tenant: string;
  /** Faults below this size of the log were acknowledged by the operator, who resumed it. */
  readonly explainedSize: number;
  readonly span: SignedSpan;
}

/** The record of a checked entry. */
type Checked = Pick<Audited, 'logNo' | 'position' | 'txId' | 'ordinal'>;

/** Any constant works, as long as every version of LogLine uses the same. */
export const AUDIT_LOCK = 4_011_846_203;
const COLUMNS = SPAN_COLUMNS.map((column) => `r.${column}`).join(', ');

/** Spans of a resumed log come first: they are checked once they have positions. */
const WAITING = `
  SELECT u.tx_id, u.ordinal FROM app.unsealed u JOIN app.log_head h ON h.log_no = u.log_no AND h.stopped_at IS NULL
   ORDER BY u.tx_id, u.ordinal LIMIT 1`;

/**
 * Spans that come at a time, while as many are checked: a thousand of 1 MiB would be more memory than a function has.
 */
const ROWS_AT_A_TIME = 16;
/** Spans checked in one turn of the event loop. */
const SPANS_A_TURN = 2;
/** Most spans of one batch. */
const MAX_BATCH = 1_000;

const NEXT = `
  SELECT r.tx_id::text AS tx_id, r.ordinal::text AS ordinal, e.log_no, e.position,
         encode(e.curr_hash, 'hex') AS logged, l.tenant_id AS log_tenant, h.explained_size, ${COLUMNS}
    FROM ledger.universal_registry r
    LEFT JOIN ledger.log_entry e ON e.id = r.id AND e.seq = r.seq
    LEFT JOIN ledger.log l ON l.log_no = e.log_no
    LEFT JOIN app.log_head h ON h.log_no = e.log_no
   WHERE r.seq >= 0 AND (r.tx_id, r.ordinal) > (SELECT a.tx_id, a.ordinal FROM app.audit_cursor a)
     AND (r.tx_id, r.ordinal) <= (SELECT s.tx_id, s.ordinal FROM app.seal_cursor s)
     AND (r.tx_id, r.ordinal) < (SELECT coalesce(waiting.tx_id, '18446744073709551615'), coalesce(waiting.ordinal, 0)
                                   FROM (VALUES (1)) AS always LEFT JOIN (${WAITING}) AS waiting ON true)
   ORDER BY r.tx_id, r.ordinal LIMIT ${MAX_BATCH}`;

const OPEN = `DECLARE audit_next NO SCROLL CURSOR FOR ${NEXT}`;
const FETCH = `FETCH ${ROWS_AT_A_TIME} FROM audit_next`;

const ADVANCE = `
  WITH moved AS (
    UPDATE app.audit_cursor SET tx_id = $1::xid8, ordinal = $2::bigint
  ), audited AS (
    INSERT INTO app.log_audit (log_no, audited_size) SELECT * FROM unnest($3::int[], $4::bigint[])
        ON CONFLICT (log_no) DO UPDATE SET audited_size = greatest(log_audit.audited_size, excluded.audited_size)
  )
  UPDATE app.log_head h SET stopped_at = now(), stop_reason = bad.reason
    FROM unnest($5::int[], $6::text[]) AS bad (log_no, reason)
   WHERE h.log_no = bad.log_no AND h.stopped_at IS NULL`;

/**
 * Follows the sealer and audits what it sealed: recomputes the hash of each span, verifies its signature, and compares
 * both with the log's entry. A mismatch stops the sealing of that tenant, so that nothing wrong is signed again. Done
 * after sealing, since checking before it slows down writers and does not keep up.
 */
export class Auditor {
  readonly #options: AuditorOptions;

  constructor(options: AuditorOptions) {
    this.#options = options;
  }

  /**
   * Checks the next spans, a few at a time.
   * @param limit spans after which it ends, at most 1,000
   * @returns how many were checked; 0 when all are
   */
  async auditBatch(limit: number): Promise<number> {
    const client = await this.#options.database.connect().catch((error) => {
      throw asLogLineError(error);
    });
    let failure: unknown;
    try {
      await client.query('BEGIN');
      const checked = await this.#auditWithin(client, limit);
      await client.query('COMMIT');
      return checked;
    } catch (error) {
      failure = error;
      await client.query('ROLLBACK').catch(() => undefined);
      throw asLogLineError(error);
    } finally {
      client.release(failure !== undefined && isConnectionLost(failure));
    }
  }

  async #auditWithin(client: PoolClient, limit: number): Promise<number> {
    const { rows: locks } = await client.query('SELECT pg_try_advisory_xact_lock($1) AS locked', [
      AUDIT_LOCK,
    ]);
    if (locks[0]?.locked !== true) return 0;
    const { audited, mismatches } = await this.#checkNext(client, limit);
    const last = audited.at(-1);
    if (last === undefined) return 0;
    const sizes = new Map<number, number>();
    const stopped = new Map<number, string>();
    for (const { logNo, position, detail } of mismatches) {
      if (logNo > 0 && !stopped.has(logNo)) stopped.set(logNo, `position ${position}: ${detail}`);
    }
    for (const { logNo, position } of audited)
      if (logNo > 0 && !stopped.has(logNo)) sizes.set(logNo, position + 1);
    await client.query({
      name: 'audit_advance',
      text: ADVANCE,
      values: [
        last.txId,
        last.ordinal,
        [...sizes.keys()],
        [...sizes.values()],
        [...stopped.keys()],
        [...stopped.values()],
      ],
    });
    this.#tell(mismatches);
    return audited.length;
  }

  async #checkNext(
    client: PoolClient,
    limit: number,
  ): Promise<{ readonly audited: readonly Checked[]; readonly mismatches: readonly AuditMismatch[] }> {
    const audited: Checked[] = [];
    const mismatches: AuditMismatch[] = [];
    await client.query(OPEN);
    for await (const rows of nextRows(client, limit)) {
      for (const row of rows) {
        const entry = auditedOf(row);
        const mismatch = this.#mismatchOf(entry);
        if (mismatch !== undefined) mismatches.push(mismatch);
        const { logNo, position, txId, ordinal } = entry;
        audited.push({ logNo, position, txId, ordinal });
        if (audited.length % SPANS_A_TURN === 0) await nextTurn();
      }
    }
    return { audited, mismatches };
  }

  /** The first fault of each log; sealing stops there, so that further ones add nothing. */
  #tell(mismatches: readonly AuditMismatch[]): void {
    const told = new Set<string>();
    for (const mismatch of mismatches) {
      if (!told.has(mismatch.tenant)) this.#options.onMismatch(mismatch);
      told.add(mismatch.tenant);
    }
  }

  #mismatchOf(entry: Audited): AuditMismatch | undefined {
    const { logNo, position, id, seq, logged, tenant, explainedSize, span } = entry;
    if (position < explainedSize) return undefined;
    // A span of a stopped log: it is set aside, and audited once it is sealed.
    const detail =
      logNo === 0
        ? spanFault(span, this.#options.keys())
        : tenant !== span.tenant_id
          ? `the span is of tenant ${span.tenant_id}, the log of ${tenant}`
          : logged !== span.curr_hash
            ? `the log has ${logged}, the span's curr_hash is ${span.curr_hash}`
            : spanFault(span, this.#options.keys());
    return detail === undefined ? undefined : { tenant, logNo, position, id, seq, detail };
  }
}

type Rows = readonly Readonly<Record<string, unknown>>[];

/** Rows of the cursor, a few at a time. The database finds the next ones while its reader checks these. */
async function* nextRows(client: PoolClient, limit: number): AsyncGenerator<Rows> {
  const fetch = async (): Promise<Rows> => (await client.query(FETCH)).rows;
  let coming: Promise<Rows> | undefined = fetch();
  for (let taken = 0; coming !== undefined; ) {
    const rows: Rows = await coming;
    taken += rows.length;
    coming = rows.length < ROWS_AT_A_TIME || taken >= limit ? undefined : fetch();
    // Its reader may end before it asks for them.
    coming?.catch(() => undefined);
    yield rows;
  }
}

/** What is wrong with a span by itself. */
function spanFault(span: SignedSpan, keys: readonly SigningKey[]): string | undefined {
  const own = keys.find(({ publicKeyHex }) => publicKeyHex === span.public_key);
  if (own !== undefined) {
    const computed = hashSpan(span);
    if (computed !== span.curr_hash)
      return `curr_hash is ${span.curr_hash}, the content hashes to ${computed}`;
    if (hex(own.sign(toU8(computed))) === span.signature) return undefined;
  }
  const verdict = verifySpan(span);
  return verdict.ok ? undefined : verdict.detail;
}

function auditedOf(row: Readonly<Record<string, unknown>>): Audited {
  const span = spanOfRow(row);
  return {
    logNo: Number(row.log_no ?? 0),
    position: Number(row.position ?? 0),
    id: span.id,
    seq: span.seq,
    txId: String(row.tx_id),
    ordinal: String(row.ordinal),
    logged: String(row.logged ?? ''),
    tenant: String(row.log_tenant ?? span.tenant_id),
    explainedSize: Number(row.explained_size ?? 0),
    span,
  };
}
