-- Times that PostgreSQL's clock wrote before it was set back lie ahead, by days or years. Nobody waits for them.

-- As before. What is due further ahead than four leases was claimed, put off or requested before the clock was set back: it
-- is due now, and first. A tenant's last claim that lies ahead is as long ago as one that nobody knows of.
CREATE OR REPLACE FUNCTION app.claim_request(lease_seconds integer, left_out text[])
RETURNS TABLE (request_id uuid, tenant_id text, owner_id text, attempt integer, lease_id uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  moment timestamptz := clock_timestamp();
  latest timestamptz := moment + make_interval(secs => 4 * lease_seconds);
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
    SELECT t.tenant_id, oldest.behind, oldest.until
      FROM tenant t,
           LATERAL (SELECT range.place, range.behind, range.until, q.due_at, q.position
                      FROM (VALUES (1, latest, 'infinity'::timestamptz),
                                   (2, '-infinity'::timestamptz, moment)) AS range (place, behind, until),
                           LATERAL (SELECT q.due_at, q.position FROM app.request_queue q
                                     WHERE q.tenant_id = t.tenant_id
                                       AND q.due_at > range.behind AND q.due_at <= range.until
                                     ORDER BY q.due_at, q.position LIMIT 1) AS q
                     ORDER BY range.place LIMIT 1) AS oldest,
           LATERAL (SELECT count(*) AS runs FROM app.request_queue q
                     WHERE q.tenant_id = t.tenant_id AND q.lease_id IS NOT NULL
                       AND q.due_at > moment AND q.due_at <= latest) AS under_way,
           LATERAL (SELECT (SELECT l.taken_at FROM app.request_turn l
                             WHERE l.tenant_id = t.tenant_id AND l.taken_at <= moment)) AS last
     WHERE t.tenant_id <> ALL (left_out)
       AND NOT EXISTS (SELECT FROM app.frozen_tenant f WHERE f.tenant_id = t.tenant_id)
     ORDER BY under_way.runs, last.taken_at NULLS FIRST, oldest.place, oldest.due_at, oldest.position
  LOOP
    RETURN QUERY
      WITH next AS (
        SELECT q.request_id FROM app.request_queue q
         WHERE q.tenant_id = turn.tenant_id AND q.due_at > turn.behind AND q.due_at <= turn.until
         ORDER BY q.due_at, q.position LIMIT 1 FOR UPDATE SKIP LOCKED)
      UPDATE app.request_queue AS q SET
        attempt = q.attempt + 1,
        lease_id = gen_random_uuid(),
        due_at = clock_timestamp() + make_interval(secs => lease_seconds)
      FROM next WHERE q.request_id = next.request_id
      RETURNING q.request_id, q.tenant_id, q.owner_id, q.attempt, q.lease_id;
    IF FOUND THEN
      INSERT INTO app.request_turn AS t (tenant_id, taken_at) VALUES (turn.tenant_id, moment)
      ON CONFLICT ON CONSTRAINT request_turn_pkey DO UPDATE SET taken_at = EXCLUDED.taken_at;
      RETURN;
    END IF;
  END LOOP;
END
$$;

-- The lease; NULL while another run holds one.
CREATE OR REPLACE FUNCTION app.begin_job(job text, lease_seconds integer) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  INSERT INTO app.job_run AS r (job, started_at, lease_id, leased_until)
  VALUES (begin_job.job, now(), gen_random_uuid(), clock_timestamp() + make_interval(secs => lease_seconds))
  ON CONFLICT (job) DO UPDATE
    SET started_at = now(), lease_id = excluded.lease_id, leased_until = excluded.leased_until
    WHERE r.leased_until IS NULL OR r.leased_until <= clock_timestamp()
       OR r.leased_until > clock_timestamp() + make_interval(secs => 4 * lease_seconds)
  RETURNING r.lease_id;
END;

-- Schedules of functions -------------------------------------------------------------------------------------------

-- When due_at was written. When that lies ahead, due_at says nothing.
ALTER TABLE app.function_schedule ADD COLUMN looked_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX function_schedule_looked ON app.function_schedule (tenant_id, looked_at);

CREATE OR REPLACE FUNCTION app.maintain_function_schedule() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  repeats boolean := coalesce(jsonb_typeof(NEW.metadata->'schedule'), 'null') <> 'null'
                     AND coalesce(NEW.status, '') NOT IN ('paused', 'disabled');
BEGIN
  IF NEW.is_deleted OR NOT (repeats OR coalesce(NEW.status, '') = 'scheduled') THEN
    DELETE FROM app.function_schedule WHERE function_id = NEW.id;
  ELSE
    INSERT INTO app.function_schedule (function_id, seq, tenant_id, owner_id, once)
    VALUES (NEW.id, NEW.seq, NEW.tenant_id, NEW.owner_id, NOT repeats)
    ON CONFLICT (function_id) DO UPDATE
      SET seq = excluded.seq, once = excluded.once, due_at = now(), looked_at = now(), done_until = NULL;
  END IF;
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION app.due_functions(most integer)
RETURNS TABLE (function_id uuid, seq integer, tenant_id text, owner_id text, once boolean, done_until timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  -- One step a tenant, however many schedules each has.
  WITH RECURSIVE tenant (tenant_id) AS (
    (SELECT s.tenant_id FROM app.function_schedule s ORDER BY s.tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT s.tenant_id FROM app.function_schedule s WHERE s.tenant_id > t.tenant_id
             ORDER BY s.tenant_id LIMIT 1)
      FROM tenant t WHERE t.tenant_id IS NOT NULL
  )
  SELECT d.function_id, d.seq, d.tenant_id, d.owner_id, d.once, d.done_until
    FROM tenant t,
         LATERAL (SELECT s.*, row_number() OVER (ORDER BY s.due_at, s.function_id) AS turn
                    FROM ((SELECT * FROM app.function_schedule f
                            WHERE f.tenant_id = t.tenant_id AND f.due_at <= now()
                            ORDER BY f.due_at, f.function_id LIMIT most)
                          UNION ALL
                          (SELECT * FROM app.function_schedule f
                            WHERE f.tenant_id = t.tenant_id AND f.looked_at > now() AND f.due_at > now()
                            ORDER BY f.looked_at LIMIT most)) s) d
   WHERE NOT EXISTS (SELECT FROM app.frozen_tenant f WHERE f.tenant_id = d.tenant_id)
   ORDER BY d.turn, d.due_at, d.function_id LIMIT most;
END;

-- Nothing, when a newer version has come.
CREATE OR REPLACE FUNCTION app.look_again(function_id uuid, seq integer, done_until timestamptz, due_at timestamptz)
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  UPDATE app.function_schedule s
     SET done_until = look_again.done_until, due_at = look_again.due_at, looked_at = now()
   WHERE s.function_id = look_again.function_id AND s.seq = look_again.seq;
END;

-- Freezing ---------------------------------------------------------------------------------------------------------

-- As before; a lease that ends in more than a minute is nobody's.
CREATE OR REPLACE FUNCTION app.freeze_tenant(tenant text) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  closed boolean;
  passed xid8;
BEGIN
  PERFORM app.session_may_freeze();
  INSERT INTO app.frozen_tenant (tenant_id, is_closed) VALUES (tenant, false) ON CONFLICT DO NOTHING;
  -- Claims have to see it before runs are looked for.
  IF FOUND THEN RETURN 'runs'; END IF;
  SELECT f.is_closed, f.passed_tx_id INTO STRICT closed, passed FROM app.frozen_tenant f WHERE f.tenant_id = tenant;
  IF NOT closed THEN
    IF EXISTS (SELECT FROM app.request_queue q
                WHERE q.tenant_id = tenant AND q.lease_id IS NOT NULL
                  AND q.due_at > clock_timestamp() AND q.due_at <= clock_timestamp() + interval '1 minute') THEN
      RETURN 'runs';
    END IF;
    UPDATE app.frozen_tenant SET is_closed = true WHERE tenant_id = tenant;
    RETURN 'transactions';
  END IF;
  IF passed IS NULL THEN
    -- An INSERT locks the table before it takes its snapshot: who gets the lock after us sees that the tenant is closed.
    LOCK TABLE ledger.universal_registry IN SHARE MODE;
    UPDATE app.frozen_tenant SET passed_tx_id = pg_current_xact_id() WHERE tenant_id = tenant;
    RETURN 'transactions';
  END IF;
  IF passed >= pg_snapshot_xmin(pg_current_snapshot()) THEN RETURN 'transactions'; END IF;
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION app.thaw_tenant(tenant text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM app.session_may_freeze();
  IF EXISTS (SELECT FROM app.tenant_salt s
              WHERE s.tenant_id = tenant
                AND s.at > clock_timestamp() - interval '2 seconds' AND s.at <= clock_timestamp()) THEN
    RETURN NULL;
  END IF;
  DELETE FROM app.frozen_tenant WHERE tenant_id = tenant;
  RETURN FOUND;
END
$$;
