-- The two schemas and the role that every session of LogLine runs as (DESIGN.md section 4).
-- A role belongs to the whole server, so another database of the same server may have made it already.

DO $$
BEGIN
  CREATE ROLE logline_app LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

-- One that was there before may be more than it should be, and then no policy would hold for it.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'logline_app' AND (rolsuper OR rolbypassrls)) THEN
    RAISE EXCEPTION 'role logline_app is superuser or has BYPASSRLS; take that from it and migrate again';
  END IF;
END
$$;

CREATE SCHEMA IF NOT EXISTS app;
CREATE SCHEMA IF NOT EXISTS ledger;

REVOKE ALL ON SCHEMA ledger FROM PUBLIC;
REVOKE ALL ON SCHEMA app FROM PUBLIC;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger TO logline_app;
GRANT USAGE ON SCHEMA app TO logline_app;

COMMENT ON SCHEMA ledger IS 'Spans. Append-only, row-level security on every table.';
COMMENT ON SCHEMA app IS 'Work tables: queues, cursors, keys. They carry ids, never content.';
