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

// The statements that are always the same but for their values, typed against the schema. `npm run generate`
// compiles them into statements.generated.ts, which is all that runs: Kysely itself would take every cold start of a
// function 10 ms and 40 KB. Nothing imports this file at run time.

const db = new Kysely<DB>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (kysely) => new PostgresIntrospector(kysely),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

const spans = () => db.selectFrom('ledger.universal_registry').select(SPAN_COLUMNS);

/** Name → the statement, built from its values. Each value is used once, in the order of the arguments. */
export const STATEMENTS = {
  /** The newest version of an entity. */
  latest_version: (id: string) => spans().where('id', '=', id).orderBy('seq', 'desc').limit(sql.lit(1)),

  /** Single versions, by lists of equal length. */
  spans_by_key: (ids: readonly string[], seqs: readonly number[]) =>
    spans().where(sql<boolean>`(id, seq) IN (SELECT * FROM unnest(${ids}::uuid[], ${seqs}::int[]))`),

  /** Every version of every span of the instance's key history. */
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

  /** A row when the token was revoked by this tenant or by the system. */
  revocation: (tokenId: string, tenant: string) =>
    db
      .selectFrom('app.token_revocation')
      .select('token_id')
      .where('token_id', '=', tokenId)
      .where(sql<boolean>`tenant_id IN (${tenant}, ${sql.lit(SYSTEM.tenant)})`),

  /** What an `Idempotency-Key` was used for. */
  idempotency_key: (tenant: string, key: string) =>
    db
      .selectFrom('app.idempotency_key')
      .select(['fingerprint', 'span_ids', 'span_seqs'])
      .where('tenant_id', '=', tenant)
      .where('key', '=', key),

  /** Runs that a tenant has used up on a UTC day. */
  runs_of_day: (tenant: string, day: string) =>
    db
      .selectFrom('app.execution_quota')
      .select('used')
      .where('tenant_id', '=', tenant)
      .where(sql<boolean>`day = ${day}::date`),

  /** A row when the migration is applied. */
  migration: (name: string) =>
    db.selectFrom('app.migration_checksum').select('name').where('name', '=', name),

  /** Every feed epoch, oldest first, and how far the feed has got. */
  feed_state: () =>
    db
      .selectFrom('app.feed_epoch')
      .select(['epoch', 'survived_tx_id', 'survived_ordinal'])
      .select([
        sql<string>`pg_snapshot_xmin(pg_current_snapshot())::text`.as('xmin'),
        sql<string>`pg_snapshot_xmax(pg_current_snapshot())::text`.as('xmax'),
      ])
      .orderBy('number'),

  /** The lease of a job's run; null while another run holds one. */
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

  note_job: (job: string, outcome: 'ok' | 'error' | null, detail: string | null) =>
    db.selectNoFrom(sql<null>`app.note_job(${job}::text, ${outcome}::text, ${detail}::jsonb)`.as('noted')),
} as const;

export type StatementName = keyof typeof STATEMENTS;

/** The values of a statement, in order. */
export type StatementValues<Name extends StatementName> = Parameters<(typeof STATEMENTS)[Name]>;

/** What a statement returns, row by row. */
export type StatementRow<Name extends StatementName> =
  InferResult<ReturnType<(typeof STATEMENTS)[Name]>> extends (infer Row)[] ? Row : never;
