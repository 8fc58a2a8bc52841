-- Requests are claimed in turn by tenant. The tenant that has the fewest runs under way comes first, then the one that
-- has waited longest; within a tenant first in, first out. A thousand requests of one tenant cost another one turn.

CREATE INDEX request_queue_tenant ON app.request_queue (tenant_id, due_at, position);
CREATE INDEX request_queue_leased ON app.request_queue (tenant_id, due_at) WHERE lease_id IS NOT NULL;
DROP INDEX app.request_queue_due;

-- A claim is a row lock for an instant (SKIP LOCKED: no worker waits for another) and a lease after that: due_at moves
-- to its end, so a worker that dies gives the request back by doing nothing.
-- left_out: tenants that the worker has enough of; only others' requests are given out.
CREATE FUNCTION app.claim_request(lease_seconds integer, left_out text[])
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

CREATE FUNCTION app.renew_request(request_id uuid, lease_id uuid, lease_seconds integer) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  WITH renewed AS (
    UPDATE app.request_queue q SET due_at = clock_timestamp() + make_interval(secs => lease_seconds)
     WHERE q.request_id = renew_request.request_id AND q.lease_id = renew_request.lease_id RETURNING 1)
  SELECT EXISTS (SELECT FROM renewed);
END;

CREATE FUNCTION app.put_off_request(request_id uuid, lease_id uuid, seconds integer) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  UPDATE app.request_queue q SET lease_id = NULL, due_at = clock_timestamp() + make_interval(secs => seconds)
   WHERE q.request_id = put_off_request.request_id AND q.lease_id = put_off_request.lease_id;
END;

CREATE FUNCTION app.drop_request(request_id uuid, lease_id uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  DELETE FROM app.request_queue q
   WHERE q.request_id = drop_request.request_id AND q.lease_id = drop_request.lease_id;
END;

-- Single flight of the other jobs: a lease row, which outlives no dead process for long and which a transaction
-- pooler cannot lose. Whoever writes about a run says whose lease it has.
ALTER TABLE app.job_run ADD COLUMN lease_id uuid, ADD COLUMN leased_until timestamptz;

-- The lease; NULL while another run holds one.
CREATE FUNCTION app.begin_job(job text, lease_seconds integer) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  INSERT INTO app.job_run AS r (job, started_at, lease_id, leased_until)
  VALUES (begin_job.job, now(), gen_random_uuid(), clock_timestamp() + make_interval(secs => lease_seconds))
  ON CONFLICT (job) DO UPDATE
    SET started_at = now(), lease_id = excluded.lease_id, leased_until = excluded.leased_until
    WHERE r.leased_until IS NULL OR r.leased_until <= clock_timestamp()
  RETURNING r.lease_id;
END;

CREATE FUNCTION app.renew_job(job text, lease_id uuid, lease_seconds integer) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  WITH renewed AS (
    UPDATE app.job_run r SET leased_until = clock_timestamp() + make_interval(secs => lease_seconds)
     WHERE r.job = renew_job.job AND r.lease_id = renew_job.lease_id RETURNING 1)
  SELECT EXISTS (SELECT FROM renewed);
END;

-- False when the lease was lost: then another run's record stands.
CREATE FUNCTION app.end_job(job text, lease_id uuid, outcome text, detail jsonb) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  WITH ended AS (
    UPDATE app.job_run r
       SET ended_at = now(), outcome = end_job.outcome, detail = end_job.detail, lease_id = NULL, leased_until = NULL
     WHERE r.job = end_job.job AND r.lease_id = end_job.lease_id RETURNING 1)
  SELECT EXISTS (SELECT FROM ended);
END;

-- A job of which any number may run at a time: the last start and the last end.
CREATE FUNCTION app.note_job(job text, outcome text, detail jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  INSERT INTO app.job_run AS r (job, started_at) VALUES (note_job.job, now())
  ON CONFLICT (job) DO UPDATE SET
    started_at = CASE WHEN note_job.outcome IS NULL THEN now() ELSE r.started_at END,
    ended_at = CASE WHEN note_job.outcome IS NULL THEN r.ended_at ELSE now() END,
    outcome = coalesce(note_job.outcome, r.outcome),
    detail = CASE WHEN note_job.outcome IS NULL THEN r.detail ELSE note_job.detail END;
END;

GRANT EXECUTE ON FUNCTION
  app.claim_request(integer, text[]),
  app.renew_request(uuid, uuid, integer),
  app.put_off_request(uuid, uuid, integer),
  app.drop_request(uuid, uuid),
  app.begin_job(text, integer),
  app.renew_job(text, uuid, integer),
  app.end_job(text, uuid, text, jsonb),
  app.note_job(text, text, jsonb)
TO logline_kernel;
