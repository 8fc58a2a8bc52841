-- Work tables belong to tenants, too. logline_app sees its own tenant's rows; kernels find the work of all tenants
-- through the functions below, which run with the owner's rights and which only logline_kernel may execute. Row-level
-- security is not forced here, so that the owner's functions see every row.

ALTER TABLE app.request_queue ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON app.request_queue FROM logline_app;
GRANT SELECT ON app.request_queue TO logline_app, logline_auditor;
CREATE POLICY own_tenant ON app.request_queue FOR SELECT TO logline_app
  USING (tenant_id = (SELECT ledger.session_tenant_id()));
CREATE POLICY read_all ON app.request_queue FOR SELECT TO logline_auditor, logline_backup USING (true);

ALTER TABLE app.function_schedule ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON app.function_schedule FROM logline_app;
GRANT SELECT ON app.function_schedule TO logline_app, logline_auditor;
CREATE POLICY own_tenant ON app.function_schedule FOR SELECT TO logline_app
  USING (tenant_id = (SELECT ledger.session_tenant_id()));
CREATE POLICY read_all ON app.function_schedule FOR SELECT TO logline_auditor, logline_backup USING (true);

ALTER TABLE app.ruling_queue ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON app.ruling_queue FROM logline_app;
GRANT SELECT ON app.ruling_queue TO logline_app, logline_auditor;
CREATE POLICY own_tenant ON app.ruling_queue FOR SELECT TO logline_app
  USING (tenant_id = (SELECT ledger.session_tenant_id()));
CREATE POLICY read_all ON app.ruling_queue FOR SELECT TO logline_auditor, logline_backup USING (true);

-- The agent moves a cursor under the identity of the policy's owner.
ALTER TABLE app.policy_cursor ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON app.policy_cursor FROM logline_app;
GRANT SELECT, UPDATE (tx_id, ordinal) ON app.policy_cursor TO logline_app;
GRANT SELECT ON app.policy_cursor TO logline_auditor;
CREATE POLICY own_tenant ON app.policy_cursor TO logline_app
  USING (tenant_id = (SELECT ledger.session_tenant_id()))
  WITH CHECK (tenant_id = (SELECT ledger.session_tenant_id()));
CREATE POLICY read_all ON app.policy_cursor FOR SELECT TO logline_auditor, logline_backup USING (true);

-- What a tenant's policies emitted, for that tenant: the policies that the reader sees are its own.
ALTER TABLE app.policy_emission ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON app.policy_emission TO logline_app
  USING (EXISTS (SELECT FROM app.policy_cursor c WHERE c.policy_id = policy_emission.policy_id))
  WITH CHECK (EXISTS (SELECT FROM app.policy_cursor c WHERE c.policy_id = policy_emission.policy_id));
CREATE POLICY read_all ON app.policy_emission FOR SELECT TO logline_auditor, logline_backup USING (true);

ALTER TABLE app.execution_quota ENABLE ROW LEVEL SECURITY;
REVOKE DELETE ON app.execution_quota FROM logline_app;
GRANT SELECT ON app.execution_quota TO logline_auditor;
CREATE POLICY own_tenant ON app.execution_quota TO logline_app
  USING (tenant_id = (SELECT ledger.session_tenant_id()))
  WITH CHECK (tenant_id = (SELECT ledger.session_tenant_id()));
CREATE POLICY read_all ON app.execution_quota FOR SELECT TO logline_auditor, logline_backup USING (true);

-- A deletion is seen by whoever may read a version of what it deletes, in whatever tenant: each row says who that is.
-- A later row of an entity names at least those of the row before, so nobody sees a deletion and not its revocation.
ALTER TABLE app.deletion ADD COLUMN audiences text[] COLLATE "C";
ALTER TABLE ledger.universal_registry NO FORCE ROW LEVEL SECURITY;
UPDATE app.deletion d
   SET audiences = ARRAY(SELECT DISTINCT r.audience FROM ledger.universal_registry r WHERE r.id = d.id);
ALTER TABLE ledger.universal_registry FORCE ROW LEVEL SECURITY;
ALTER TABLE app.deletion ALTER COLUMN audiences SET NOT NULL;
ALTER TABLE app.deletion ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_of_own_audiences ON app.deletion FOR SELECT TO logline_app, logline_guest
  USING (audiences && (SELECT ledger.session_audiences())::text[]);
GRANT SELECT ON app.deletion TO logline_auditor;
CREATE POLICY read_all ON app.deletion FOR SELECT TO logline_auditor, logline_backup USING (true);

CREATE OR REPLACE FUNCTION ledger.check_version_chain() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
  before record;
  was_deleted boolean := false;
BEGIN
  IF NEW.seq > 0 THEN
    SELECT owner_id, tenant_id, curr_hash, is_deleted INTO before
      FROM ledger.universal_registry WHERE id = NEW.id AND seq = NEW.seq - 1;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'span % has no version % to follow', NEW.id, NEW.seq - 1 USING ERRCODE = 'LL001';
    END IF;
    IF before.owner_id <> NEW.owner_id OR before.tenant_id <> NEW.tenant_id THEN
      RAISE EXCEPTION 'span % belongs to somebody else', NEW.id USING ERRCODE = 'LL002';
    END IF;
    IF before.curr_hash <> NEW.prev_hash THEN
      RAISE EXCEPTION 'prev_hash is not the curr_hash of version % of span %', NEW.seq - 1, NEW.id
        USING ERRCODE = 'LL003';
    END IF;
    was_deleted := before.is_deleted;
  END IF;
  IF NEW.is_deleted <> was_deleted THEN
    -- The session is the owner, who sees all versions.
    INSERT INTO app.deletion (id, seq, is_deleted, audiences)
    SELECT NEW.id, NEW.seq, NEW.is_deleted,
           ARRAY(SELECT DISTINCT r.audience FROM ledger.universal_registry r WHERE r.id = NEW.id);
  END IF;
  RETURN NULL;
END
$$;

-- No tenant's: when each job ran. What it counted is for operators.
ALTER TABLE app.job_run ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON app.job_run FROM logline_app;
GRANT SELECT (job, started_at, ended_at, outcome) ON app.job_run TO logline_app;
GRANT SELECT ON app.job_run TO logline_auditor;
CREATE POLICY read_times ON app.job_run FOR SELECT TO logline_app USING (true);
CREATE POLICY read_all ON app.job_run FOR SELECT TO logline_auditor, logline_backup USING (true);

ALTER TABLE app.ruling_night ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON app.ruling_night FROM logline_app;
GRANT SELECT ON app.ruling_night TO logline_auditor;
CREATE POLICY read_all ON app.ruling_night FOR SELECT TO logline_auditor, logline_backup USING (true);

-- Names of migrations and their checksums.
ALTER TABLE app.migration_checksum ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_all ON app.migration_checksum FOR SELECT TO logline_app, logline_auditor, logline_backup
  USING (true);

-- Schedules of functions -------------------------------------------------------------------------------------------

CREATE FUNCTION app.due_functions(most integer)
RETURNS TABLE (function_id uuid, seq integer, tenant_id text, owner_id text, once boolean, done_until timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  SELECT s.function_id, s.seq, s.tenant_id, s.owner_id, s.once, s.done_until
    FROM app.function_schedule s WHERE s.due_at <= now() ORDER BY s.due_at, s.function_id LIMIT most;
END;

-- Nothing, when a newer version has come.
CREATE FUNCTION app.look_again(function_id uuid, seq integer, done_until timestamptz, due_at timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  UPDATE app.function_schedule s SET done_until = look_again.done_until, due_at = look_again.due_at
   WHERE s.function_id = look_again.function_id AND s.seq = look_again.seq;
END;

CREATE FUNCTION app.end_schedule(function_id uuid, seq integer) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  DELETE FROM app.function_schedule s
   WHERE s.function_id = end_schedule.function_id AND s.seq = end_schedule.seq;
END;

-- Policies ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION app.active_policies(most integer)
RETURNS TABLE (policy_id uuid, tenant_id text, owner_id text, tx_id text, ordinal text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  SELECT c.policy_id, c.tenant_id, c.owner_id, c.tx_id::text, c.ordinal::text
    FROM app.policy_cursor c WHERE c.is_active ORDER BY random() LIMIT most;
END;

-- Subjects of the midnight ruler -----------------------------------------------------------------------------------

CREATE FUNCTION app.ruling_owners(night date, left_out uuid[], given_up_tenants text[], given_up_owners text[],
                                  most integer)
RETURNS TABLE (tenant_id text, owner_id text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  SELECT q.tenant_id, q.owner_id FROM app.ruling_queue q
   WHERE q.ruled_on < night AND q.subject_id <> ALL (left_out)
     AND (q.tenant_id, q.owner_id) NOT IN (SELECT t, o FROM unnest(given_up_tenants, given_up_owners) AS g (t, o))
   GROUP BY q.tenant_id, q.owner_id ORDER BY random() LIMIT most;
END;

CREATE FUNCTION app.ruling_subjects(tenant text, owner text, night date, left_out uuid[], most integer)
RETURNS TABLE (subject_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  SELECT q.subject_id FROM app.ruling_queue q
   WHERE q.tenant_id = tenant AND q.owner_id = owner AND q.ruled_on < night AND q.subject_id <> ALL (left_out)
   ORDER BY q.ruled_on, q.subject_id LIMIT most;
END;

CREATE FUNCTION app.subjects_ruled(subjects uuid[], night date) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  UPDATE app.ruling_queue q SET ruled_on = night WHERE q.subject_id = ANY (subjects) AND q.ruled_on < night;
END;

CREATE FUNCTION app.night_ruled(night date, decided integer) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  INSERT INTO app.ruling_night AS n (local_date, decided) VALUES (night, night_ruled.decided)
  ON CONFLICT (local_date) DO UPDATE SET done_at = now(), decided = n.decided + excluded.decided;
END;

GRANT EXECUTE ON FUNCTION
  app.due_functions(integer),
  app.look_again(uuid, integer, timestamptz, timestamptz),
  app.end_schedule(uuid, integer),
  app.active_policies(integer),
  app.ruling_owners(date, uuid[], text[], text[], integer),
  app.ruling_subjects(text, text, date, uuid[], integer),
  app.subjects_ruled(uuid[], date),
  app.night_ruled(date, integer)
TO logline_kernel;
