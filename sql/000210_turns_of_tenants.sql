-- Work of all tenants is found in turn by tenant: of thousands of schedules or policies of one tenant, another's
-- must not wait for each, and a tenant's queue must not go first for as long as it is older than the others'.

-- Schedules: the first that is due of each tenant, then the second of each. ----------------------------------------

CREATE INDEX function_schedule_tenant ON app.function_schedule (tenant_id, due_at, function_id);
DROP INDEX app.function_schedule_due;

CREATE OR REPLACE FUNCTION app.due_functions(most integer)
RETURNS TABLE (function_id uuid, seq integer, tenant_id text, owner_id text, once boolean, done_until timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
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
                    FROM (SELECT * FROM app.function_schedule f
                           WHERE f.tenant_id = t.tenant_id AND f.due_at <= now()
                           ORDER BY f.due_at, f.function_id LIMIT most) s) d
   WHERE NOT EXISTS (SELECT FROM app.frozen_tenant f WHERE f.tenant_id = d.tenant_id)
   ORDER BY d.turn, d.due_at, d.function_id LIMIT most;
END;

-- Policies: where a tick cannot hold all, a random one of each tenant, then a second of each. ----------------------

CREATE OR REPLACE FUNCTION app.active_policies(most integer)
RETURNS TABLE (policy_id uuid, tenant_id text, owner_id text, tx_id text, ordinal text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  SELECT c.policy_id, c.tenant_id, c.owner_id, c.tx_id::text, c.ordinal::text
    FROM (SELECT p.*, row_number() OVER (PARTITION BY p.tenant_id ORDER BY random()) AS turn
            FROM app.policy_cursor p
           WHERE p.is_active AND NOT EXISTS (SELECT FROM app.frozen_tenant f WHERE f.tenant_id = p.tenant_id)) c
   ORDER BY c.turn, random() LIMIT most;
END;

-- Requests: of tenants with as many runs under way, the one whose last claim is longest ago. -----------------------

-- When a request of each tenant was claimed last.
CREATE TABLE app.request_turn (
  tenant_id text PRIMARY KEY,
  taken_at  timestamptz NOT NULL
);
ALTER TABLE app.request_turn ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON app.request_turn TO logline_auditor, logline_backup;
CREATE POLICY read_all ON app.request_turn FOR SELECT TO logline_auditor, logline_backup USING (true);

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
                     WHERE q.tenant_id = t.tenant_id AND q.lease_id IS NOT NULL AND q.due_at > moment) AS under_way,
           LATERAL (SELECT (SELECT l.taken_at FROM app.request_turn l WHERE l.tenant_id = t.tenant_id)) AS last
     WHERE t.tenant_id <> ALL (left_out)
       AND NOT EXISTS (SELECT FROM app.frozen_tenant f WHERE f.tenant_id = t.tenant_id)
     ORDER BY under_way.runs, last.taken_at NULLS FIRST, oldest.due_at, oldest.position
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
    IF FOUND THEN
      INSERT INTO app.request_turn AS t (tenant_id, taken_at) VALUES (turn.tenant_id, moment)
      ON CONFLICT ON CONSTRAINT request_turn_pkey DO UPDATE SET taken_at = EXCLUDED.taken_at;
      RETURN;
    END IF;
  END LOOP;
END
$$;
