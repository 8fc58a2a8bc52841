import type { PoolClient } from 'pg';
import { type SignedSpan, SPAN_COLUMNS } from '../base/span';
import { ed25519 } from '../crypto';
import { sha256 } from '../crypto/sha256';
import { spanOfRow } from '../ledger/span-row';
import { verifySpanAsync } from '../ledger/span-signature';
import { checkpointText } from './checkpoint';
import { verifierKeyOf } from './checkpoint-keys';
import { Frontier } from './frontier';
import { leafHashOf } from './leaf';
import { isSameBytes } from './merkle-hash';
import { noteText, parseNote, type SignedNote, verifyNote } from './signed-note';
import { TILE_HEIGHT, TILE_WIDTH } from './tile';

/** A fault of a tenant's log. */
export interface LogFault {
  readonly tenant: string;
  /** What failed: span, entry, order, gap, unsealed, tile, checkpoint, head. */
  readonly kind: string;
  /** Position in the log; for a checkpoint its size. */
  readonly position: number | undefined;
  readonly id: string | undefined;
  readonly seq: number | undefined;
  readonly detail: string;
}

/** The result of a check of all logs. */
export interface LogAuditReport {
  readonly logs: number;
  readonly entries: number;
  readonly checkpoints: number;
  /** Logs that continue under a new name since a restore. */
  readonly renamed: number;
  readonly faults: number;
}

export interface LogAuditOptions {
  /** Public keys (hex) whose checkpoints are trusted. */
  readonly checkpointKeys: readonly string[];
  /** Only this tenant. Defaults to all. */
  readonly tenant?: string | undefined;
  readonly onFault: (fault: LogFault) => void;
  /** Called from time to time with the number of entries checked. */
  readonly onProgress?: (entries: number) => void;
}

/** A log, and what its work row says of it. */
interface AuditedLog {
  readonly logNo: number;
  readonly tenant: string;
  readonly headSize: number;
  readonly headCheckpointSize: number;
}

const PAGE = 1_000;
const MAX_UNSEALED = 1_000;
const REMOVED = 'the span is in the log and not in the ledger: it was removed';
const COLUMNS = SPAN_COLUMNS.map((column) => `r.${column}`).join(', ');

/**
 * Recomputes every log from the spans in one snapshot, leaves from spans and roots from leaves, and compares it with every
 * stored entry, tile and checkpoint. Uses constant memory.
 * @param client as role `logline_auditor`, with a transaction of isolation REPEATABLE READ open
 */
export async function auditLogs(client: PoolClient, options: LogAuditOptions): Promise<LogAuditReport> {
  const { rows } = await client.query(
    `SELECT l.log_no, l.tenant_id, greatest(h.size, a.audited_size, 0) AS size, coalesce(h.checkpoint_size, 0) AS checkpoint_size,
            EXISTS (SELECT FROM ledger.log_origin o WHERE o.log_no = l.log_no) AS is_renamed
       FROM ledger.log l LEFT JOIN app.log_head h ON h.log_no = l.log_no
            LEFT JOIN app.log_audit a ON a.log_no = l.log_no
      WHERE $1::text IS NULL OR l.tenant_id = $1 ORDER BY l.log_no`,
    [options.tenant ?? null],
  );
  const report = { logs: 0, entries: 0, checkpoints: 0, renamed: 0, faults: 0 };
  const count = (fault: LogFault): void => {
    report.faults += 1;
    options.onFault(fault);
  };
  for (const row of rows) {
    const log: AuditedLog = {
      logNo: row.log_no,
      tenant: row.tenant_id,
      headSize: Number(row.size),
      headCheckpointSize: Number(row.checkpoint_size),
    };
    const audit = new LogAudit(client, log, { ...options, onFault: count });
    await audit.run((entries) => options.onProgress?.(report.entries + entries));
    report.logs += 1;
    report.entries += audit.entries;
    report.checkpoints += audit.checkpoints;
    if (row.is_renamed === true) report.renamed += 1;
  }
  await unsealedSpans(client, options.tenant, count);
  if (options.tenant === undefined) await lastSealedSpan(client, count);
  return report;
}

/** The check of one log, position after position. */
class LogAudit {
  entries = 0;
  checkpoints = 0;
  readonly #client: PoolClient;
  readonly #log: AuditedLog;
  readonly #options: LogAuditOptions;
  readonly #frontier = new Frontier(sha256);
  /** Hashes at the bottom of the tile that grows, level by level. */
  readonly #growing: Uint8Array[][] = [];
  #place: { readonly txId: bigint; readonly ordinal: bigint } | undefined;
  #pendingCheckpoints: readonly StoredCheckpoint[] = [];
  #lastCheckpointSize = 0;
  #hasMoreCheckpoints = true;
  #expected = 0;

  constructor(client: PoolClient, log: AuditedLog, options: LogAuditOptions) {
    this.#client = client;
    this.#log = log;
    this.#options = options;
  }

  async run(onProgress: (entries: number) => void): Promise<void> {
    for (let rows = await this.#page(-1); rows.length > 0; rows = await this.#page(this.#expected - 1)) {
      const verdicts = rows.map((row) => this.#verdict(row));
      for (const [index, row] of rows.entries()) {
        await this.#entry(row, await verdicts[index]);
      }
      onProgress(this.entries);
    }
    await this.#finish();
  }

  async #page(after: number): Promise<readonly Row[]> {
    const { rows } = await this.#client.query({
      name: 'audit_entries',
      text: `SELECT e.position, e.id AS entry_id, e.seq AS entry_seq, encode(e.curr_hash, 'hex') AS logged,
                    r.tx_id::text AS tx_id, r.ordinal::text AS ordinal, ${COLUMNS}
               FROM ledger.log_entry e LEFT JOIN ledger.universal_registry r ON r.id = e.id AND r.seq = e.seq
              WHERE e.log_no = $1 AND e.position > $2 ORDER BY e.position LIMIT ${PAGE}`,
      values: [this.#log.logNo, after],
    });
    return rows;
  }

  #verdict(row: Row): ReturnType<typeof verifySpanAsync> | undefined {
    return row.id === null ? undefined : verifySpanAsync(spanOfRow(row));
  }

  async #entry(row: Row, verdict: Awaited<ReturnType<typeof verifySpanAsync>> | undefined): Promise<void> {
    const position = Number(row.position);
    const at = { position, id: String(row.entry_id), seq: Number(row.entry_seq) };
    if (position !== this.#expected) {
      const last = position - 1;
      this.#fault(
        'gap',
        { ...at, position: this.#expected },
        `positions ${this.#expected} to ${last} are missing`,
      );
    }
    this.#expected = position + 1;
    this.entries += 1;
    const logged = String(row.logged);
    if (row.id === null) {
      this.#fault('span', at, REMOVED);
    } else {
      this.#span(spanOfRow(row), at, logged, row);
      if (verdict !== undefined && !verdict.ok)
        this.#fault('span', at, `${verdict.fault}: ${verdict.detail}`);
    }
    await this.#grow({ id: at.id, seq: at.seq, curr_hash: logged });
  }

  #span(span: SignedSpan, at: Place, logged: string, row: Row): void {
    if (span.tenant_id !== this.#log.tenant) {
      this.#fault('entry', at, `the span is of tenant ${span.tenant_id}`);
    }
    if (span.curr_hash !== logged) {
      this.#fault('entry', at, `the log has ${logged}, the span's curr_hash is ${span.curr_hash}`);
    }
    const place = { txId: BigInt(String(row.tx_id)), ordinal: BigInt(String(row.ordinal)) };
    const before = this.#place;
    const isLater =
      before === undefined ||
      place.txId > before.txId ||
      (place.txId === before.txId && place.ordinal > before.ordinal);
    if (!isLater) this.#fault('order', at, 'the span was committed before the one at the position before');
    this.#place = place;
  }

  /** Adds a leaf, and checks each tile and checkpoint that it completes. */
  async #grow(leaf: { id: string; seq: number; curr_hash: string }): Promise<void> {
    for (const { level, index, hash } of this.#frontier.add(leafHashOf(sha256, leaf))) {
      if (level % TILE_HEIGHT !== 0) continue;
      const tileLevel = level / TILE_HEIGHT;
      if (tileLevel > 0) await this.#tile(tileLevel - 1, index, hash);
      const hashes = this.#growing[tileLevel] ?? [];
      hashes.push(hash);
      this.#growing[tileLevel] = hashes;
    }
    await this.#checkpointAt(this.#frontier.size);
  }

  async #tile(level: number, index: number, root: Uint8Array): Promise<void> {
    const hashes = Buffer.concat(this.#growing[level] ?? []);
    this.#growing[level] = [];
    const { rows } = await this.#client.query({
      name: 'audit_tile',
      text: 'SELECT root, hashes FROM ledger.log_tile WHERE log_no = $1 AND level = $2 AND index = $3',
      values: [this.#log.logNo, level, index],
    });
    const [row] = rows;
    const at = { position: index * TILE_WIDTH ** (level + 1), id: undefined, seq: undefined };
    const name = `tile ${level}/${index}`;
    if (row === undefined) this.#fault('tile', at, `${name} is missing`);
    else if (!isSameBytes(row.hashes, hashes)) {
      const differs = differentHash(row.hashes, hashes);
      this.#fault('tile', at, `hash ${differs} of ${name} does not follow from the log`);
    } else if (!isSameBytes(row.root, root))
      this.#fault('tile', at, `the root of ${name} does not follow from its hashes`);
  }

  async #checkpointAt(size: number): Promise<void> {
    if (this.#pendingCheckpoints.length === 0 && this.#hasMoreCheckpoints) await this.#moreCheckpoints();
    const [next] = this.#pendingCheckpoints;
    if (next === undefined || next.size > size) return;
    this.#pendingCheckpoints = this.#pendingCheckpoints.slice(1);
    await this.#checkpoint(next);
  }

  async #checkpoint(stored: StoredCheckpoint): Promise<void> {
    const { size, root } = stored;
    this.checkpoints += 1;
    this.#lastCheckpointSize = size;
    const at = { position: size, id: undefined, seq: undefined };
    if (size !== this.#frontier.size || !isSameBytes(root, this.#frontier.root())) {
      this.#fault(
        'checkpoint',
        at,
        `the root of the checkpoint of size ${size} does not follow from the log`,
      );
    }
    const keys = this.#options.checkpointKeys.map((key) => verifierKeyOf(key, stored.origin));
    const note = noteOf(stored);
    const verified = await verifyNote(note, keys, ed25519.verify);
    const [own] = note.signatures;
    const isKnown = own !== undefined && keys.some(({ id }) => isSameBytes(id, own.keyId));
    if (!isKnown)
      this.#fault(
        'checkpoint',
        at,
        `the checkpoint of size ${size} is signed by a key that is not the log's`,
      );
    else if (!verified.some(({ key }) => own !== undefined && isSameBytes(key.id, own.keyId))) {
      this.#fault('checkpoint', at, `the signature of the checkpoint of size ${size} is not good`);
    }
  }

  async #moreCheckpoints(): Promise<void> {
    const { rows } = await this.#client.query({
      name: 'audit_checkpoints',
      text: `SELECT size, root, signature, ledger.log_origin_at(log_no, size) AS origin FROM ledger.checkpoint WHERE log_no = $1 AND size > $2 ORDER BY size LIMIT ${PAGE}`,
      values: [this.#log.logNo, this.#lastCheckpointSize],
    });
    this.#hasMoreCheckpoints = rows.length === PAGE;
    this.#pendingCheckpoints = rows.map((row) => ({
      size: Number(row.size),
      root: row.root,
      signature: row.signature,
      origin: String(row.origin),
    }));
  }

  /** What must be there at the end. */
  async #finish(): Promise<void> {
    const { headSize, headCheckpointSize } = this.#log;
    const size = this.#expected;
    const at = { position: size, id: undefined, seq: undefined };
    if (headSize > size) {
      this.#fault(
        'gap',
        at,
        `the log was sealed up to ${headSize} spans: positions ${size} to ${headSize - 1} are missing`,
      );
    }
    await this.#checkpointAt(Number.MAX_SAFE_INTEGER);
    while (this.#pendingCheckpoints.length > 0) await this.#checkpointAt(Number.MAX_SAFE_INTEGER);
    if (headCheckpointSize > this.#lastCheckpointSize) {
      this.#fault(
        'checkpoint',
        { ...at, position: headCheckpointSize },
        `the checkpoint of size ${headCheckpointSize} is missing`,
      );
    }
  }

  #fault(kind: string, { position, id, seq }: Place, detail: string): void {
    this.#options.onFault({ tenant: this.#log.tenant, kind, position, id, seq, detail });
  }
}

interface Place {
  readonly position: number | undefined;
  readonly id: string | undefined;
  readonly seq: number | undefined;
}

interface StoredCheckpoint {
  readonly size: number;
  readonly root: Uint8Array;
  /** Key id and signature. */
  readonly signature: Uint8Array;
  /** The name that it bears. */
  readonly origin: string;
}

type Row = Readonly<Record<string, unknown>>;

function noteOf({ origin, size, root, signature }: StoredCheckpoint): SignedNote {
  const text = checkpointText({ origin, size, root });
  const own = { name: origin, keyId: signature.subarray(0, 4), bytes: signature.subarray(4) };
  return parseNote(noteText({ text, signatures: [own] }));
}

function differentHash(one: Uint8Array, other: Uint8Array): number {
  return Math.floor(one.findIndex((byte, at) => byte !== other[at]) / 32);
}

/** Spans before the sealed position that are in no log: they were inserted afterwards. */
async function unsealedSpans(
  client: PoolClient,
  tenant: string | undefined,
  onFault: (fault: LogFault) => void,
): Promise<void> {
  const { rows } = await client.query(
    `SELECT r.id, r.seq, r.tenant_id FROM ledger.universal_registry r
      WHERE r.seq >= 0 AND (r.tx_id, r.ordinal) <= (SELECT c.tx_id, c.ordinal FROM app.seal_cursor c)
        AND NOT EXISTS (SELECT FROM ledger.log_entry e WHERE e.id = r.id AND e.seq = r.seq)
        AND NOT EXISTS (SELECT FROM app.unsealed u WHERE u.id = r.id AND u.seq = r.seq)
        AND ($1::text IS NULL OR r.tenant_id = $1)
      ORDER BY r.tx_id, r.ordinal LIMIT ${MAX_UNSEALED}`,
    [tenant ?? null],
  );
  for (const { id, seq, tenant_id } of rows) {
    const detail = 'the span lies before what is sealed and is in no log: it was inserted afterwards';
    onFault({ tenant: tenant_id, kind: 'unsealed', position: undefined, id, seq, detail });
  }
}

/** Reports when the span that was sealed last is gone: the end of the feed was cut off. */
async function lastSealedSpan(client: PoolClient, onFault: (fault: LogFault) => void): Promise<void> {
  const { rows } = await client.query(
    `SELECT c.tx_id::text AS tx_id FROM app.seal_cursor c
      WHERE c.batch > 0
        AND NOT EXISTS (SELECT FROM ledger.universal_registry r
                         WHERE r.seq >= 0 AND r.tx_id = c.tx_id AND r.ordinal = c.ordinal)`,
  );
  for (const { tx_id } of rows) {
    const detail = `the span that was sealed last, of transaction ${tx_id}, is not in the ledger: it, or the end of the feed, was removed`;
    onFault({ tenant: '', kind: 'gap', position: undefined, id: undefined, seq: undefined, detail });
  }
}

/** Reports the positions of a tenant's log whose span is gone from the ledger, in order; at most 1,000. */
export async function removedSpans(
  client: PoolClient,
  tenant: string,
  onFault: (fault: LogFault) => void,
): Promise<void> {
  const { rows } = await client.query(
    `SELECT e.position, e.id, e.seq FROM ledger.log l JOIN ledger.log_entry e ON e.log_no = l.log_no
      WHERE l.tenant_id = $1
        AND NOT EXISTS (SELECT FROM ledger.universal_registry r WHERE r.id = e.id AND r.seq = e.seq)
      ORDER BY e.position LIMIT ${MAX_UNSEALED}`,
    [tenant],
  );
  for (const { position, id, seq } of rows)
    onFault({ tenant, kind: 'span', position: Number(position), id, seq, detail: REMOVED });
}
