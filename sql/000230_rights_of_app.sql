-- Every session of logline_app could read the heads of stopped logs, whosever they were. Health needs only to know whether
-- there is one.
CREATE FUNCTION app.has_stopped_log() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN EXISTS (SELECT FROM app.log_head WHERE stopped_at IS NOT NULL);
REVOKE ALL ON FUNCTION app.has_stopped_log() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.has_stopped_log() TO logline_app;

DROP POLICY read_stopped ON app.log_head;

-- Types and tables are looked for in pg_temp first unless a search path names it (PostgreSQL manual, "Writing SECURITY
-- DEFINER Functions Safely"): a caller that made a type called text ran code with the rights of the owner.
DO $$
DECLARE
  pinned regprocedure;
BEGIN
  FOR pinned IN
    SELECT p.oid FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
     WHERE n.nspname IN ('ledger', 'app') AND p.proconfig @> ARRAY['search_path=pg_catalog']
  LOOP
    EXECUTE pg_catalog.format('ALTER FUNCTION %s SET search_path = pg_catalog, pg_temp', pinned);
  END LOOP;
END
$$;
