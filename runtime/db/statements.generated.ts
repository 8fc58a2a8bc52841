// Made from statements.ts by npm run generate.
export const STATEMENT_TEXTS = {
  latest_version:
    'select "id", "seq", "entity_type", "who", "did", "this", "at", "parent_id", "related_to", "owner_id", "tenant_id", "visibility", "status", "is_deleted", "name", "description", "code", "language", "runtime", "input", "output", "error", "metadata", "duration_ms", "trace_id", "prev_hash", "curr_hash", "signature", "public_key" from "ledger"."universal_registry" where "id" = $1 order by "seq" desc limit 1',
  spans_by_key:
    'select "id", "seq", "entity_type", "who", "did", "this", "at", "parent_id", "related_to", "owner_id", "tenant_id", "visibility", "status", "is_deleted", "name", "description", "code", "language", "runtime", "input", "output", "error", "metadata", "duration_ms", "trace_id", "prev_hash", "curr_hash", "signature", "public_key" from "ledger"."universal_registry" where (id, seq) IN (SELECT * FROM unnest($1::uuid[], $2::int[]))',
  version_heads:
    'select "id", "seq", "at", "owner_id", "tenant_id", "trace_id", "prev_hash", "curr_hash", "signature", "public_key" from "ledger"."universal_registry" where (id, seq) IN (SELECT * FROM unnest($1::uuid[], $2::int[]))',
  feed_position:
    'select "tx_id", "ordinal" from "ledger"."universal_registry" where "id" = $1 and "seq" = $2',
  key_history:
    'select "id", "seq", "entity_type", "who", "did", "this", "at", "parent_id", "related_to", "owner_id", "tenant_id", "visibility", "status", "is_deleted", "name", "description", "code", "language", "runtime", "input", "output", "error", "metadata", "duration_ms", "trace_id", "prev_hash", "curr_hash", "signature", "public_key" from "ledger"."universal_registry" where "audience" = \'public\' and "entity_type" = $1 and "tenant_id" = \'system\' and "owner_id" = \'system\' order by "seq"',
  manifest:
    'select "id", "seq", "entity_type", "who", "did", "this", "at", "parent_id", "related_to", "owner_id", "tenant_id", "visibility", "status", "is_deleted", "name", "description", "code", "language", "runtime", "input", "output", "error", "metadata", "duration_ms", "trace_id", "prev_hash", "curr_hash", "signature", "public_key" from "ledger"."visible_timeline" as "manifest" where "entity_type" = \'manifest\' and "name" = $1 and not exists (select "later"."id" from "ledger"."universal_registry" as "later" where "later"."id" = "manifest"."id" and "later"."seq" > "manifest"."seq") order by tenant_id = \'system\' desc, tenant_id = $2 desc, "at" desc, "seq" desc limit 1',
  revocation:
    'select "token_id" from "app"."token_revocation" where "token_id" = $1 and tenant_id IN ($2, \'system\')',
  idempotency_key:
    'select "fingerprint", "span_ids", "span_seqs" from "app"."idempotency_key" where "tenant_id" = $1 and "key" = $2 and at >= now() - make_interval(days => $3::integer)',
  free_idempotency_key:
    'delete from "app"."idempotency_key" where "tenant_id" = $1 and "key" = $2 and at < now() - make_interval(days => $3::integer) returning "key"',
  runs_of_day:
    'select "used", "cpu_ms" from "app"."execution_quota" where "tenant_id" = $1 and day = $2::date',
  migration:
    'select "name" from "app"."migration_checksum" where "name" = $1',
  sealing_trouble:
    'select "restore_needed", app.has_stopped_log() as "is_stopped" from "app"."seal_cursor"',
  health:
    'select "name", pg_snapshot_xmin(pg_current_snapshot())::text as "xmin", pg_snapshot_xmax(pg_current_snapshot())::text as "xmax", EXISTS (SELECT FROM app.restore_needed) OR EXISTS (SELECT FROM app.seal_cursor WHERE restore_needed OR tx_id >= pg_snapshot_xmax(pg_current_snapshot())) as "restore_needed" from "app"."migration_checksum" where "name" = $1',
  job_runs:
    'select "job", "started_at", "ended_at", "outcome", extract(epoch FROM now() - started_at) as "age_s" from "app"."job_run" order by "job"',
  tenant_queue:
    'select count(*) FILTER (WHERE due_at <= now()) as "waiting", count(*) FILTER (WHERE due_at > now() AND lease_id IS NOT NULL) as "running", count(*) FILTER (WHERE due_at > now() AND lease_id IS NULL) as "put_off", extract(epoch FROM now() - min(due_at) FILTER (WHERE due_at <= now())) as "oldest_s" from "app"."request_queue" where "tenant_id" = $1',
  tenant_schedules:
    'select "function_id", "owner_id", "once", "due_at" from "app"."function_schedule" where "tenant_id" = $1 order by "due_at", "function_id" limit $2',
  tenant_policies:
    'select "policy_id", "owner_id", "is_active", "tx_id", "ordinal" from "app"."policy_cursor" where "tenant_id" = $1 order by "is_active" desc, "tx_id", "ordinal" limit $2',
  policy_lag:
    'select count(*) as "behind" from (select "ordinal" from "ledger"."universal_registry" where (tx_id, ordinal) > ($1::xid8, $2::bigint) and tx_id < pg_snapshot_xmin(pg_current_snapshot()) limit 10000) as "unseen"',
  policy_last_error:
    'select "id", "at", error->>\'code\' as "code" from "ledger"."universal_registry" where "parent_id" = $1 and "entity_type" = \'policy_error\' order by "at" desc limit 1',
  feed_state:
    'select "epoch", "survived_tx_id", "survived_ordinal", pg_snapshot_xmin(pg_current_snapshot())::text as "xmin", pg_snapshot_xmax(pg_current_snapshot())::text as "xmax", EXISTS (SELECT FROM app.restore_needed) OR EXISTS (SELECT FROM app.seal_cursor WHERE restore_needed OR tx_id >= pg_snapshot_xmax(pg_current_snapshot())) as "restore_needed", EXISTS (SELECT FROM app.restore_needed WHERE is_ahead) OR EXISTS (SELECT FROM app.seal_cursor WHERE tx_id >= pg_snapshot_xmax(pg_current_snapshot())) as "is_ahead" from "app"."feed_epoch" order by "number"',
  begin_job:
    'select app.begin_job($1::text, $2::integer) as "lease_id"',
  renew_job:
    'select app.renew_job($1::text, $2::uuid, $3::integer) as "is_held"',
  end_job:
    'select app.end_job($1::text, $2::uuid, $3::text, $4::jsonb) as "is_held"',
  restore_needed:
    'select EXISTS (SELECT FROM app.restore_needed) OR EXISTS (SELECT FROM app.seal_cursor WHERE restore_needed OR tx_id >= pg_snapshot_xmax(pg_current_snapshot())) as "restore_needed" from "app"."seal_cursor"',
  note_job:
    'select app.note_job($1::text, $2::text, $3::jsonb) as "noted"',
} as const;
