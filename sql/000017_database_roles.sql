-- A role of its own for each kind of work, and every policy says whose it is. The roles are there by now: the runner
-- makes them, or somebody did beforehand (npx logline roles --print).
--
-- CURRENT_USER is the owner of the tables: row-level security is forced on it as well, and the trigger functions that
-- run with its rights have to see what the session's identity may see.

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger, app FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger TO logline_guest, logline_sealer, logline_auditor, logline_backup;
GRANT USAGE ON SCHEMA app TO logline_kernel, logline_guest, logline_sealer, logline_auditor, logline_backup;

-- Whoever reads or appends under an identity.
ALTER POLICY read_own_audiences ON ledger.universal_registry TO logline_app, logline_guest, CURRENT_USER;
ALTER POLICY append_as_oneself ON ledger.universal_registry TO logline_app, CURRENT_USER;
GRANT EXECUTE ON FUNCTION ledger.session_audiences(), ledger.session_user_id(), ledger.session_tenant_id(),
  ledger.audience_of(text, text, text) TO logline_app, logline_guest;

-- User code reads spans and nothing beside them: neither the order of the feed nor a system column.
GRANT SELECT (
  id, seq, entity_type, who, did, this, at, parent_id, related_to, owner_id, tenant_id, visibility, status,
  is_deleted, name, description, code, language, runtime, input, output, error, metadata, duration_ms,
  trace_id, prev_hash, curr_hash, signature, public_key
) ON ledger.universal_registry TO logline_guest;
GRANT SELECT ON ledger.visible_timeline TO logline_guest;
-- The view asks, under its reader's rights, whether the entity was deleted.
GRANT SELECT (id, seq, is_deleted) ON app.deletion TO logline_guest;

-- The log of a tenant covers every span, whoever may read it.
CREATE POLICY seal_all ON ledger.universal_registry FOR SELECT TO logline_sealer USING (true);
GRANT SELECT (id, seq, curr_hash, tenant_id, tx_id, ordinal) ON ledger.universal_registry TO logline_sealer;

CREATE POLICY audit_all ON ledger.universal_registry FOR SELECT TO logline_auditor USING (true);
GRANT SELECT ON ledger.universal_registry, ledger.visible_timeline TO logline_auditor;

-- A dump that leaves a table out is none: tables that come later are granted as they are made.
CREATE POLICY back_up_all ON ledger.universal_registry FOR SELECT TO logline_backup USING (true);
GRANT SELECT ON ALL TABLES IN SCHEMA ledger, app TO logline_backup;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA ledger, app TO logline_backup;
ALTER DEFAULT PRIVILEGES IN SCHEMA ledger GRANT SELECT ON TABLES TO logline_backup;
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO logline_backup;
ALTER DEFAULT PRIVILEGES IN SCHEMA ledger GRANT SELECT ON SEQUENCES TO logline_backup;
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON SEQUENCES TO logline_backup;
-- Functions that come later are nobody's until a migration says whose.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

ALTER POLICY own_tenant ON app.idempotency_key TO logline_app;
CREATE POLICY back_up_all ON app.idempotency_key FOR SELECT TO logline_backup USING (true);

ALTER POLICY read_own_tenant ON app.token_revocation TO logline_app, CURRENT_USER;
ALTER POLICY append_by_trigger ON app.token_revocation TO CURRENT_USER;
CREATE POLICY back_up_all ON app.token_revocation FOR SELECT TO logline_backup USING (true);

ALTER POLICY read_own_audiences ON app.span_relation TO logline_app, CURRENT_USER;
ALTER POLICY append_by_trigger ON app.span_relation TO CURRENT_USER;
CREATE POLICY back_up_all ON app.span_relation FOR SELECT TO logline_backup USING (true);

-- Nobody's search path decides what a function of ours calls, and no trigger is skipped by a session that says it
-- replicates.
ALTER FUNCTION ledger.refuse_change() SET search_path = pg_catalog;
ALTER FUNCTION ledger.session_audiences() SET search_path = pg_catalog;
ALTER FUNCTION ledger.append_spans(json) SET search_path = pg_catalog;
ALTER FUNCTION ledger.append_spans(text, text, json) SET search_path = pg_catalog;
ALTER TABLE ledger.universal_registry
  ENABLE ALWAYS TRIGGER token_revocation,
  ENABLE ALWAYS TRIGGER request_queue,
  ENABLE ALWAYS TRIGGER function_schedule,
  ENABLE ALWAYS TRIGGER policy_cursor,
  ENABLE ALWAYS TRIGGER ruling_queue;
