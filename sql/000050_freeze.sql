-- A tenant that is being moved: it can be read, and not written. The operator writes the row (`logline freeze`, `thaw`).
CREATE TABLE app.frozen_tenant (
  tenant_id text PRIMARY KEY CHECK (tenant_id NOT IN ('', 'system')),
  at        timestamptz NOT NULL DEFAULT now(),
  -- False while work that was claimed before comes to its end: then nothing new is claimed, and writes go on.
  is_closed boolean NOT NULL
);
ALTER TABLE app.frozen_tenant ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON app.frozen_tenant FOR SELECT TO logline_app
  USING (tenant_id = (SELECT ledger.session_tenant_id()));
CREATE POLICY read_all ON app.frozen_tenant FOR SELECT TO logline_auditor, logline_backup USING (true);
GRANT SELECT ON app.frozen_tenant TO logline_app, logline_auditor, logline_backup;

-- True, or an error that tells a frozen tenant from a writer who is not who it says. Once a statement.
CREATE FUNCTION ledger.session_may_write() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog
AS $$
BEGIN
  IF EXISTS (SELECT FROM app.frozen_tenant f WHERE f.tenant_id = ledger.session_tenant_id() AND f.is_closed) THEN
    RAISE EXCEPTION 'tenant % is frozen', ledger.session_tenant_id() USING ERRCODE = 'LL006';
  END IF;
  RETURN true;
END
$$;
REVOKE ALL ON FUNCTION ledger.session_may_write() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.session_may_write() TO logline_app;

-- What an import writes, as the owner of the schema, may go to a frozen tenant: so is one that is moving in.
DROP POLICY append_as_oneself ON ledger.universal_registry;
CREATE POLICY append_as_oneself ON ledger.universal_registry FOR INSERT TO logline_app
  WITH CHECK (owner_id = (SELECT ledger.session_user_id()) AND tenant_id = (SELECT ledger.session_tenant_id())
              AND (SELECT ledger.session_may_write()));
CREATE POLICY import_as_oneself ON ledger.universal_registry FOR INSERT TO CURRENT_USER
  WITH CHECK (owner_id = (SELECT ledger.session_user_id()) AND tenant_id = (SELECT ledger.session_tenant_id()));

-- No work of a frozen tenant is begun. -----------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION app.claim_request(lease_seconds integer, left_out text[])
RETURNS TABLE (request_id uuid, tenant_id text, owner_id text, attempt integer, lease_id uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog
AS $$
#variable_conflict use_column
DECLARE
  moment timestamptz := clock_timestamp();
  turn record;
BEGIN
  FOR turn IN
    -- One step a tenant, however many requests each has.
    WITH RECURSIVE tenant (tenant_id) AS (
      (SELECT q.tenant_id FROM app.request_queue q ORDER BY q.tenant_id LIMIT 1)
      UNION ALL
      SELECT (SELECT q.tenant_id FROM app.request_queue q WHERE q.tenant_id > t.tenant_id
               ORDER BY q.tenant_id LIMIT 1)
        FROM tenant t WHERE t.tenant_id IS NOT NULL
    )
    SELECT t.tenant_id
      FROM tenant t,
           LATERAL (SELECT q.due_at, q.position FROM app.request_queue q
                     WHERE q.tenant_id = t.tenant_id AND q.due_at <= moment
                     ORDER BY q.due_at, q.position LIMIT 1) AS oldest,
           LATERAL (SELECT count(*) AS runs FROM app.request_queue q
                     WHERE q.tenant_id = t.tenant_id AND q.lease_id IS NOT NULL AND q.due_at > moment) AS under_way
     WHERE t.tenant_id <> ALL (left_out)
       AND NOT EXISTS (SELECT FROM app.frozen_tenant f WHERE f.tenant_id = t.tenant_id)
     ORDER BY under_way.runs, oldest.due_at, oldest.position
  LOOP
    RETURN QUERY
      WITH next AS (
        SELECT q.request_id FROM app.request_queue q
         WHERE q.tenant_id = turn.tenant_id AND q.due_at <= moment
         ORDER BY q.due_at, q.position LIMIT 1 FOR UPDATE SKIP LOCKED)
      UPDATE app.request_queue AS q SET
        attempt = q.attempt + 1,
        lease_id = gen_random_uuid(),
        due_at = clock_timestamp() + make_interval(secs => lease_seconds)
      FROM next WHERE q.request_id = next.request_id
      RETURNING q.request_id, q.tenant_id, q.owner_id, q.attempt, q.lease_id;
    IF FOUND THEN RETURN; END IF;
  END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION app.due_functions(most integer)
RETURNS TABLE (function_id uuid, seq integer, tenant_id text, owner_id text, once boolean, done_until timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  SELECT s.function_id, s.seq, s.tenant_id, s.owner_id, s.once, s.done_until
    FROM app.function_schedule s
   WHERE s.due_at <= now() AND NOT EXISTS (SELECT FROM app.frozen_tenant f WHERE f.tenant_id = s.tenant_id)
   ORDER BY s.due_at, s.function_id LIMIT most;
END;

CREATE OR REPLACE FUNCTION app.active_policies(most integer)
RETURNS TABLE (policy_id uuid, tenant_id text, owner_id text, tx_id text, ordinal text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  SELECT c.policy_id, c.tenant_id, c.owner_id, c.tx_id::text, c.ordinal::text
    FROM app.policy_cursor c
   WHERE c.is_active AND NOT EXISTS (SELECT FROM app.frozen_tenant f WHERE f.tenant_id = c.tenant_id)
   ORDER BY random() LIMIT most;
END;

CREATE OR REPLACE FUNCTION app.ruling_owners(night date, left_out uuid[], given_up_tenants text[],
                                             given_up_owners text[], most integer)
RETURNS TABLE (tenant_id text, owner_id text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  SELECT q.tenant_id, q.owner_id FROM app.ruling_queue q
   WHERE q.ruled_on < night AND q.subject_id <> ALL (left_out)
     AND (q.tenant_id, q.owner_id) NOT IN (SELECT t, o FROM unnest(given_up_tenants, given_up_owners) AS g (t, o))
     AND NOT EXISTS (SELECT FROM app.frozen_tenant f WHERE f.tenant_id = q.tenant_id)
   GROUP BY q.tenant_id, q.owner_id ORDER BY random() LIMIT most;
END;
