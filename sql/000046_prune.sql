-- Nothing that is only remembered for a while grows for ever: the midnight round takes away what is past its time.

-- Which transaction emitted: once the policy's cursor is past it, nobody asks any more.
ALTER TABLE app.policy_emission
  ADD COLUMN at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN tx_id xid8 NOT NULL DEFAULT pg_current_xact_id();

-- Row-level security is forced on these two: the owner sees of them what is old, and nothing else.
CREATE POLICY prune ON app.idempotency_key TO CURRENT_USER
  USING (at < now() - interval '1 day') WITH CHECK (false);
CREATE POLICY prune ON app.token_revocation FOR DELETE TO CURRENT_USER
  USING (at < now() - interval '400 days');
CREATE POLICY see_to_prune ON app.token_revocation FOR SELECT TO CURRENT_USER
  USING (at < now() - interval '400 days');

-- Deletes at most `batch` rows of each kind, and says how many of all. A token lives 366 days at most, so a revocation
-- of 400 days ago revokes nothing any more.
CREATE FUNCTION app.prune(idempotency_days integer, batch integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
  pruned bigint := 0;
  count  bigint;
BEGIN
  DELETE FROM app.idempotency_key WHERE (tenant_id, key) IN (
    SELECT tenant_id, key FROM app.idempotency_key
     WHERE at < now() - make_interval(days => greatest(1, idempotency_days)) ORDER BY at LIMIT batch);
  GET DIAGNOSTICS count = ROW_COUNT;
  pruned := pruned + count;

  DELETE FROM app.token_revocation WHERE (tenant_id, token_id) IN (
    SELECT tenant_id, token_id FROM app.token_revocation WHERE at < now() - interval '400 days' LIMIT batch);
  GET DIAGNOSTICS count = ROW_COUNT;
  pruned := pruned + count;

  DELETE FROM app.policy_emission WHERE (span_id, policy_id) IN (
    SELECT e.span_id, e.policy_id FROM app.policy_emission e
     WHERE e.at < now() - interval '30 days'
       AND NOT EXISTS (SELECT FROM app.policy_cursor c
                        WHERE c.policy_id = e.policy_id AND c.is_active AND c.tx_id <= e.tx_id)
     LIMIT batch);
  GET DIAGNOSTICS count = ROW_COUNT;
  pruned := pruned + count;

  DELETE FROM app.execution_quota WHERE (tenant_id, day) IN (
    SELECT tenant_id, day FROM app.execution_quota WHERE day < current_date - 90 LIMIT batch);
  GET DIAGNOSTICS count = ROW_COUNT;
  pruned := pruned + count;

  DELETE FROM app.ruling_night WHERE local_date < current_date - 400;
  GET DIAGNOSTICS count = ROW_COUNT;
  pruned := pruned + count;

  -- A row a job; what is left of jobs that no longer exist.
  DELETE FROM app.job_run WHERE started_at < now() - interval '400 days';
  GET DIAGNOSTICS count = ROW_COUNT;
  RETURN pruned + count;
END
$$;
REVOKE ALL ON FUNCTION app.prune(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.prune(integer, integer) TO logline_kernel;
