-- Work state goes along with a tenant that moves: what is kept beside its spans, so that work is neither begun twice nor
-- forgotten in the new cell. It is read and written while the tenant is frozen, when nothing of it moves.

-- What makes the stable ids of a tenant that moved in: its first cell's, so that work that was begun there is found.
CREATE TABLE app.tenant_salt (
  tenant_id text        PRIMARY KEY,
  salt      text        NOT NULL CHECK (salt ~ '^[0-9a-f]{64}$'),
  at        timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE app.tenant_salt ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON app.tenant_salt FOR SELECT TO logline_app
  USING (tenant_id = (SELECT ledger.session_tenant_id()));
CREATE POLICY back_up_all ON app.tenant_salt FOR SELECT TO logline_backup USING (true);
GRANT SELECT ON app.tenant_salt TO logline_app, logline_backup;

-- For kernels, which make the ids.
CREATE FUNCTION app.tenant_salts() RETURNS TABLE (tenant_id text, salt text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  SELECT s.tenant_id, s.salt FROM app.tenant_salt s;
END;
REVOKE ALL ON FUNCTION app.tenant_salts() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.tenant_salts() TO logline_kernel;

-- Row-level security is forced here, and a key of another tenant is nobody's business.
CREATE POLICY import_keys ON app.idempotency_key FOR INSERT TO CURRENT_USER
  WITH CHECK (tenant_id = (SELECT ledger.session_tenant_id()));

CREATE INDEX policy_emission_policy ON app.policy_emission (policy_id, span_id);

-- One page of one kind of work of the session's tenant: at most `most` rows behind the key `behind`. `until` is the key
-- of the last row; NULL when no more follow.
CREATE FUNCTION app.work_page(kind text, behind text, most integer, OUT rows json, OUT until text)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog
AS $$
#variable_conflict use_column
DECLARE
  tenant text := ledger.session_tenant_id();
  found integer;
  policy record;
  place record;
  places json[] := '{}';
BEGIN
  IF NOT EXISTS (SELECT FROM app.frozen_tenant f WHERE f.tenant_id = tenant AND f.is_closed) THEN
    RAISE EXCEPTION 'tenant % is not frozen', tenant USING ERRCODE = 'LL007';
  END IF;
  CASE kind
  WHEN 'salt' THEN
    SELECT json_agg(r) INTO rows FROM (SELECT s.salt FROM app.tenant_salt s WHERE s.tenant_id = tenant) AS r;
  WHEN 'quota' THEN
    SELECT json_agg(r) INTO rows FROM (
      SELECT q.day, q.used, q.cpu_ms FROM app.execution_quota q
       WHERE q.tenant_id = tenant ORDER BY q.day DESC LIMIT most) AS r;
  WHEN 'append_usage' THEN
    SELECT json_agg(r) INTO rows FROM (
      SELECT u.day, u.bytes FROM app.append_usage u WHERE u.tenant_id = tenant) AS r;
  WHEN 'schedule' THEN
    SELECT json_agg(r), max(r.function_id::text COLLATE "C"), count(*) INTO rows, until, found FROM (
      SELECT s.function_id, s.seq, s.due_at, s.done_until FROM app.function_schedule s
       WHERE s.tenant_id = tenant AND (behind IS NULL OR s.function_id > behind::uuid)
       ORDER BY s.function_id LIMIT most) AS r;
  WHEN 'subject' THEN
    SELECT json_agg(r), max(r.subject_id::text COLLATE "C"), count(*) INTO rows, until, found FROM (
      SELECT q.subject_id, q.ruled_on FROM app.ruling_queue q
       WHERE q.tenant_id = tenant AND (behind IS NULL OR q.subject_id > behind::uuid)
       ORDER BY q.subject_id LIMIT most) AS r;
  WHEN 'request' THEN
    SELECT json_agg(r), max(r.request_id::text COLLATE "C"), count(*) INTO rows, until, found FROM (
      SELECT q.request_id, q.attempt, q.due_at FROM app.request_queue q
       WHERE q.tenant_id = tenant AND (behind IS NULL OR q.request_id > behind::uuid)
       ORDER BY q.request_id LIMIT most) AS r;
  WHEN 'policy' THEN
    -- Where a policy stands is told by the last span that its owner may read there: transaction ids are the cell's own.
    FOR policy IN
      SELECT c.policy_id, c.owner_id, c.tx_id, c.ordinal FROM app.policy_cursor c
       WHERE c.tenant_id = tenant AND (behind IS NULL OR c.policy_id > behind::uuid)
       ORDER BY c.policy_id LIMIT most
    LOOP
      PERFORM set_config('app.user_id', policy.owner_id, true);
      SELECT last.id, last.seq INTO place
        FROM unnest(ledger.session_audiences()) AS a(audience),
             LATERAL (SELECT r.id, r.seq, r.tx_id, r.ordinal FROM ledger.universal_registry r
                       WHERE r.audience = a.audience AND r.tenant_id = tenant
                         AND (r.tx_id, r.ordinal) <= (policy.tx_id, policy.ordinal)
                       ORDER BY r.tx_id DESC, r.ordinal DESC LIMIT 1) AS last
       ORDER BY last.tx_id DESC, last.ordinal DESC LIMIT 1;
      places := places || json_build_object('policy_id', policy.policy_id, 'owner_id', policy.owner_id,
                                            'after_id', place.id, 'after_seq', place.seq);
      until := policy.policy_id::text;
    END LOOP;
    found := cardinality(places);
    rows := array_to_json(places);
  WHEN 'emission' THEN
    SELECT json_agg(r), max(r.policy_id::text || '.' || r.span_id::text COLLATE "C"), count(*)
      INTO rows, until, found FROM (
      SELECT e.policy_id, e.span_id, e.depth, e.at
        FROM app.policy_cursor c JOIN app.policy_emission e ON e.policy_id = c.policy_id
       WHERE c.tenant_id = tenant
         AND (behind IS NULL OR (e.policy_id, e.span_id) >
              (split_part(behind, '.', 1)::uuid, split_part(behind, '.', 2)::uuid))
       ORDER BY e.policy_id, e.span_id LIMIT most) AS r;
  WHEN 'idempotency_key' THEN
    -- A key may stand for 1,000 spans: pages are bounded by spans, too.
    SELECT json_agg(json_build_object('key', r.key, 'fingerprint', r.fingerprint, 'span_ids', r.span_ids,
                                      'span_seqs', r.span_seqs, 'at', r.at) ORDER BY r.key)
             FILTER (WHERE r.spans_before < 10 * most),
           (array_agg(r.key ORDER BY r.key DESC) FILTER (WHERE r.spans_before < 10 * most))[1],
           CASE WHEN bool_and(r.spans_before < 10 * most) THEN count(*) ELSE most END
      INTO rows, until, found FROM (
      SELECT k.*, sum(cardinality(k.span_ids)) OVER (ORDER BY k.key) - cardinality(k.span_ids) AS spans_before
        FROM (SELECT * FROM app.idempotency_key i
               WHERE i.tenant_id = tenant AND (behind IS NULL OR i.key > behind) ORDER BY i.key LIMIT most) AS k) AS r;
  END CASE;
  rows := coalesce(rows, '[]');
  IF coalesce(found, 0) < most THEN until := NULL; END IF;
END
$$;
REVOKE ALL ON FUNCTION app.work_page(text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.work_page(text, text, integer) TO logline_app;

-- Takes one page of work of a tenant whose spans were imported; how many of its rows found their place. The same page
-- again changes nothing.
CREATE FUNCTION ledger.import_work(tenant text, page json) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
#variable_conflict use_column
DECLARE
  taken integer;
  total integer := 0;
  policy record;
BEGIN
  -- The lock keeps the tenant frozen until the page is in.
  PERFORM FROM app.frozen_tenant f WHERE f.tenant_id = tenant AND f.is_closed FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'tenant % is not frozen', tenant USING ERRCODE = 'LL007';
  END IF;
  PERFORM set_config('app.tenant_id', tenant, true);
  CASE page->>'kind'
  WHEN 'salt' THEN
    INSERT INTO app.tenant_salt (tenant_id, salt)
    SELECT tenant, w.salt FROM json_to_recordset(page->'rows') AS w(salt text) LIMIT 1
    ON CONFLICT (tenant_id) DO UPDATE SET salt = excluded.salt, at = excluded.at;
  WHEN 'quota' THEN
    INSERT INTO app.execution_quota AS q (tenant_id, day, used, cpu_ms)
    SELECT tenant, w.day, w.used, w.cpu_ms
      FROM json_to_recordset(page->'rows') AS w(day date, used integer, cpu_ms double precision)
    ON CONFLICT (tenant_id, day) DO UPDATE
      SET used = greatest(q.used, excluded.used), cpu_ms = greatest(q.cpu_ms, excluded.cpu_ms);
  WHEN 'append_usage' THEN
    INSERT INTO app.append_usage AS u (tenant_id, day, bytes)
    SELECT tenant, w.day, w.bytes FROM json_to_recordset(page->'rows') AS w(day date, bytes bigint) LIMIT 1
    ON CONFLICT (tenant_id) DO UPDATE
      SET day = greatest(u.day, excluded.day),
          bytes = CASE WHEN u.day > excluded.day THEN u.bytes
                       WHEN u.day < excluded.day THEN excluded.bytes
                       ELSE greatest(u.bytes, excluded.bytes) END;
  WHEN 'schedule' THEN
    -- What the old cell had no longer, it had run.
    DELETE FROM app.function_schedule s
     WHERE s.tenant_id = tenant
       AND (page->>'after' IS NULL OR s.function_id > (page->>'after')::uuid)
       AND (page->>'until' IS NULL OR s.function_id <= (page->>'until')::uuid)
       AND s.function_id NOT IN (SELECT w.function_id FROM json_to_recordset(page->'rows') AS w(function_id uuid));
    UPDATE app.function_schedule s SET due_at = w.due_at, done_until = w.done_until
      FROM json_to_recordset(page->'rows') AS w(function_id uuid, seq integer, due_at timestamptz, done_until timestamptz)
     WHERE s.function_id = w.function_id AND s.seq = w.seq AND s.tenant_id = tenant;
  WHEN 'subject' THEN
    UPDATE app.ruling_queue q SET ruled_on = w.ruled_on
      FROM json_to_recordset(page->'rows') AS w(subject_id uuid, ruled_on date)
     WHERE q.subject_id = w.subject_id AND q.tenant_id = tenant;
  WHEN 'request' THEN
    UPDATE app.request_queue q SET attempt = w.attempt, due_at = w.due_at
      FROM json_to_recordset(page->'rows') AS w(request_id uuid, attempt integer, due_at timestamptz)
     WHERE q.request_id = w.request_id AND q.tenant_id = tenant;
  WHEN 'policy' THEN
    FOR policy IN
      SELECT * FROM json_to_recordset(page->'rows') AS w(policy_id uuid, owner_id text, after_id uuid, after_seq integer)
    LOOP
      -- Read as the owner, as the policy does.
      PERFORM set_config('app.user_id', policy.owner_id, true);
      UPDATE app.policy_cursor c SET tx_id = r.tx_id, ordinal = r.ordinal
        FROM ledger.universal_registry r
       WHERE c.policy_id = policy.policy_id AND c.tenant_id = tenant AND c.owner_id = policy.owner_id
         AND r.id = policy.after_id AND r.seq = policy.after_seq AND r.tenant_id = tenant;
      GET DIAGNOSTICS taken = ROW_COUNT;
      total := total + taken;
    END LOOP;
    RETURN total;
  WHEN 'emission' THEN
    INSERT INTO app.policy_emission (policy_id, span_id, depth, at)
    SELECT w.policy_id, w.span_id, w.depth, w.at
      FROM json_to_recordset(page->'rows') AS w(policy_id uuid, span_id uuid, depth integer, at timestamptz)
      JOIN app.policy_cursor c ON c.policy_id = w.policy_id AND c.tenant_id = tenant
    ON CONFLICT DO NOTHING;
  WHEN 'idempotency_key' THEN
    INSERT INTO app.idempotency_key (tenant_id, key, fingerprint, span_ids, span_seqs, at)
    SELECT tenant, w.key, w.fingerprint, w.span_ids, w.span_seqs, w.at
      FROM json_to_recordset(page->'rows')
        AS w(key text, fingerprint text, span_ids uuid[], span_seqs integer[], at timestamptz)
    ON CONFLICT DO NOTHING;
  END CASE;
  GET DIAGNOSTICS taken = ROW_COUNT;
  RETURN taken;
END
$$;
REVOKE ALL ON FUNCTION ledger.import_work(text, json) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.import_work(text, json) TO logline_app;
