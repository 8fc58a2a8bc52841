import {
  DummyDriver,
  type InferResult,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
} from 'kysely';
import { SYSTEM } from '../base/identity';
import { SPAN_COLUMNS } from '../base/span';
import type { DB } from './database.generated';

// Statements of constant text, typed against the schema. `npm run generate` compiles them into statements.generated.ts,
// which is what runs: Kysely would cost every cold start 10 ms and 40 KB. Nothing imports this file at run time.

const db = new Kysely<DB>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (kysely) => new PostgresIntrospector(kysely),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

const spans = () => db.selectFrom('ledger.universal_registry').select(SPAN_COLUMNS);

/** Stored transaction ids are ahead of the server's counter: noticed at a start, or shown by the sealed position. */
const IS_AHEAD = sql<boolean>`EXISTS (SELECT FROM app.restore_needed WHERE is_ahead) OR EXISTS (SELECT FROM app.seal_cursor WHERE tx_id >= pg_snapshot_xmax(pg_current_snapshot()))`;

/**
 * The database was restored without `logline restore`: noticed at the start of a local run or by the sealer, or shown by
 * a sealed position that is not below the server's next id.
 */
const RESTORE_NEEDED = sql<boolean>`EXISTS (SELECT FROM app.restore_needed) OR EXISTS (SELECT FROM app.seal_cursor WHERE restore_needed OR tx_id >= pg_snapshot_xmax(pg_current_snapshot()))`;

/** Statements by name, each built from its values. Each value is used once, in the order of the arguments. */
export const STATEMENTS = {
  /** The newest version of an entity. */
  latest_version: (id: string) => spans().where('id', '=', id).orderBy('seq', 'desc').limit(sql.lit(1)),

  /** Single versions, by lists of equal length. */
  spans_by_key: (ids: readonly string[], seqs: readonly number[]) =>
    spans().where(sql<boolean>`(id, seq) IN (SELECT * FROM unnest(${ids}::uuid[], ${seqs}::int[]))`),

  /** Single versions without their content, by lists of equal length. */
  version_heads: (ids: readonly string[], seqs: readonly number[]) =>
    db
      .selectFrom('ledger.universal_registry')
      .select([
        'id',
        'seq',
        'at',
        'owner_id',
        'tenant_id',
        'trace_id',
        'prev_hash',
        'curr_hash',
        'signature',
        'public_key',
      ])
      .where(sql<boolean>`(id, seq) IN (SELECT * FROM unnest(${ids}::uuid[], ${seqs}::int[]))`),

  /** The position of a version in the feed. */
  feed_position: (id: string, seq: number) =>
    db
      .selectFrom('ledger.universal_registry')
      .select(['tx_id', 'ordinal'])
      .where('id', '=', id)
      .where('seq', '=', seq),

  /** Every version of every span of a type of the system's public spans, such as the key history. */
  key_history: (entityType: string) =>
    spans()
      .where('audience', '=', sql.lit('public'))
      .where('entity_type', '=', entityType)
      .where('tenant_id', '=', sql.lit(SYSTEM.tenant))
      .where('owner_id', '=', sql.lit(SYSTEM.user))
      .orderBy('seq'),

  /**
   * The newest visible version of a manifest. Anyone may publish one under any name, so the system's comes before the
   * caller's own tenant's, and that before those of strangers. Of one manifest the highest seq counts, since `at` is
   * what a client says it is.
   */
  manifest: (name: string, tenant: string) =>
    db
      .selectFrom('ledger.visible_timeline as manifest')
      .select(SPAN_COLUMNS)
      .where('entity_type', '=', sql.lit('manifest'))
      .where('name', '=', name)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('ledger.universal_registry as later')
              .select('later.id')
              .whereRef('later.id', '=', 'manifest.id')
              .whereRef('later.seq', '>', 'manifest.seq'),
          ),
        ),
      )
      .orderBy(sql`tenant_id = ${sql.lit(SYSTEM.tenant)}`, 'desc')
      .orderBy(sql`tenant_id = ${tenant}`, 'desc')
      .orderBy('at', 'desc')
      .orderBy('seq', 'desc')
      .limit(sql.lit(1)),

  /** One row when the token was revoked by this tenant or by the system tenant, else none. */
  revocation: (tokenId: string, tenant: string) =>
    db
      .selectFrom('app.token_revocation')
      .select('token_id')
      .where('token_id', '=', tokenId)
      .where(sql<boolean>`tenant_id IN (${tenant}, ${sql.lit(SYSTEM.tenant)})`),

  /** The use of an `Idempotency-Key` within the last `days`. */
  idempotency_key: (tenant: string, key: string, days: number) =>
    db
      .selectFrom('app.idempotency_key')
      .select(['fingerprint', 'span_ids', 'span_seqs'])
      .where('tenant_id', '=', tenant)
      .where('key', '=', key)
      .where(sql<boolean>`at >= now() - make_interval(days => ${days}::integer)`),

  /** Deletes an `Idempotency-Key` that is older than `days`. */
  free_idempotency_key: (tenant: string, key: string, days: number) =>
    db
      .deleteFrom('app.idempotency_key')
      .where('tenant_id', '=', tenant)
      .where('key', '=', key)
      .where(sql<boolean>`at < now() - make_interval(days => ${days}::integer)`)
      .returning('key'),

  /** Runs and processor time that a tenant has used on a UTC day. */
  runs_of_day: (tenant: string, day: string) =>
    db
      .selectFrom('app.execution_quota')
      .select(['used', 'cpu_ms'])
      .where('tenant_id', '=', tenant)
      .where(sql<boolean>`day = ${day}::date`),

  /** One row when the migration is applied, else none. */
  migration: (name: string) =>
    db.selectFrom('app.migration_checksum').select('name').where('name', '=', name),

  /** Conditions that stop the sealing of logs. */
  sealing_trouble: () =>
    db
      .selectFrom('app.seal_cursor')
      .select('restore_needed')
      .select(sql<boolean>`app.has_stopped_log()`.as('is_stopped')),

  /** One row when the migration is applied, with the range of transaction ids that may still be in progress. */
  health: (migration: string) =>
    db
      .selectFrom('app.migration_checksum')
      .select('name')
      .select([
        sql<string>`pg_snapshot_xmin(pg_current_snapshot())::text`.as('xmin'),
        sql<string>`pg_snapshot_xmax(pg_current_snapshot())::text`.as('xmax'),
        RESTORE_NEEDED.as('restore_needed'),
      ])
      .where('name', '=', migration),

  /** The last run of each job. */
  job_runs: () =>
    db
      .selectFrom('app.job_run')
      .select(['job', 'started_at', 'ended_at', 'outcome'])
      .select(sql<string>`extract(epoch FROM now() - started_at)`.as('age_s'))
      .orderBy('job'),

  /** Counts of a tenant's queued requests. */
  tenant_queue: (tenant: string) =>
    db
      .selectFrom('app.request_queue')
      .select([
        sql<string>`count(*) FILTER (WHERE due_at <= now())`.as('waiting'),
        sql<string>`count(*) FILTER (WHERE due_at > now() AND lease_id IS NOT NULL)`.as('running'),
        sql<string>`count(*) FILTER (WHERE due_at > now() AND lease_id IS NULL)`.as('put_off'),
        sql<string | null>`extract(epoch FROM now() - min(due_at) FILTER (WHERE due_at <= now()))`.as(
          'oldest_s',
        ),
      ])
      .where('tenant_id', '=', tenant),

  /** A tenant's scheduled functions, by due time. */
  tenant_schedules: (tenant: string, limit: number) =>
    db
      .selectFrom('app.function_schedule')
      .select(['function_id', 'owner_id', 'once', 'due_at'])
      .where('tenant_id', '=', tenant)
      .orderBy('due_at')
      .orderBy('function_id')
      .limit(limit),

  /** Feed positions of a tenant's policies: active ones first, then those furthest behind. */
  tenant_policies: (tenant: string, limit: number) =>
    db
      .selectFrom('app.policy_cursor')
      .select(['policy_id', 'owner_id', 'is_active', 'tx_id', 'ordinal'])
      .where('tenant_id', '=', tenant)
      .orderBy('is_active', 'desc')
      .orderBy('tx_id')
      .orderBy('ordinal')
      .limit(limit),

  /** Number of committed spans after a position of the feed; counted up to 10,000. */
  policy_lag: (txId: string, ordinal: string) =>
    db
      .selectFrom(
        db
          .selectFrom('ledger.universal_registry')
          .select('ordinal')
          .where(sql<boolean>`(tx_id, ordinal) > (${txId}::xid8, ${ordinal}::bigint)`)
          .where(sql<boolean>`tx_id < pg_snapshot_xmin(pg_current_snapshot())`)
          .limit(sql.lit(10_000))
          .as('unseen'),
      )
      .select(sql<string>`count(*)`.as('behind')),

  /** The newest error of a policy. */
  policy_last_error: (policyId: string) =>
    db
      .selectFrom('ledger.universal_registry')
      .select(['id', 'at'])
      .select(sql<string | null>`error->>'code'`.as('code'))
      .where('parent_id', '=', policyId)
      .where('entity_type', '=', sql.lit('policy_error'))
      .orderBy('at', 'desc')
      .limit(sql.lit(1)),

  /** Every feed epoch, oldest first, with the range of transaction ids that may still be in progress. */
  feed_state: () =>
    db
      .selectFrom('app.feed_epoch')
      .select(['epoch', 'survived_tx_id', 'survived_ordinal'])
      .select([
        sql<string>`pg_snapshot_xmin(pg_current_snapshot())::text`.as('xmin'),
        sql<string>`pg_snapshot_xmax(pg_current_snapshot())::text`.as('xmax'),
        RESTORE_NEEDED.as('restore_needed'),
        IS_AHEAD.as('is_ahead'),
      ])
      .orderBy('number'),

  /** Takes the lease for a run of a job; null while another run holds it. */
  begin_job: (job: string, leaseSeconds: number) =>
    db.selectNoFrom(sql<string | null>`app.begin_job(${job}::text, ${leaseSeconds}::integer)`.as('lease_id')),

  renew_job: (job: string, lease: string, leaseSeconds: number) =>
    db.selectNoFrom(
      sql<boolean>`app.renew_job(${job}::text, ${lease}::uuid, ${leaseSeconds}::integer)`.as('is_held'),
    ),

  end_job: (job: string, lease: string, outcome: 'ok' | 'error', detail: string) =>
    db.selectNoFrom(
      sql<boolean>`app.end_job(${job}::text, ${lease}::uuid, ${outcome}::text, ${detail}::jsonb)`.as(
        'is_held',
      ),
    ),

  /** Whether the database was restored without `logline restore`. */
  restore_needed: () => db.selectFrom('app.seal_cursor').select(RESTORE_NEEDED.as('restore_needed')),

  note_job: (job: string, outcome: 'ok' | 'error' | null, detail: string | null) =>
    db.selectNoFrom(sql<null>`app.note_job(${job}::text, ${outcome}::text, ${detail}::jsonb)`.as('noted')),
} as const;

export type StatementName = keyof typeof STATEMENTS;

/** The values of a statement, in order. */
export type StatementValues<Name extends StatementName> = Parameters<(typeof STATEMENTS)[Name]>;

/** The type of a statement's rows. */
export type StatementRow<Name extends StatementName> =
  InferResult<ReturnType<(typeof STATEMENTS)[Name]>> extends (infer Row)[] ? Row : never;
