-- A log that was stopped goes on once its fault was looked at. The fault stays in the log, and `verify` goes on naming it.

-- Faults at positions below were looked at: they do not stop the log again.
ALTER TABLE app.log_head ADD COLUMN explained_size bigint NOT NULL DEFAULT 0;
GRANT UPDATE (explained_size) ON app.log_head TO logline_auditor;

-- Lets a stopped log go on, and the audit back to the first span that waits for a position in it. One row, none when no
-- log of the tenant is stopped. For logline_auditor and the owner.
CREATE FUNCTION app.resume_log(tenant text)
RETURNS TABLE (size bigint, stopped_at timestamptz, stop_reason text, waiting bigint)
LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog
AS $$
#variable_conflict use_column
DECLARE
  stopped app.log_head;
BEGIN
  -- The auditor's own lock: it would overwrite the cursor with its own.
  PERFORM pg_advisory_xact_lock(4011846203);
  SELECT h.* INTO stopped FROM app.log_head h JOIN ledger.log l ON l.log_no = h.log_no
   WHERE l.tenant_id = tenant AND h.stopped_at IS NOT NULL FOR UPDATE OF h;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  UPDATE app.audit_cursor c SET tx_id = first.tx_id, ordinal = first.ordinal - 1
    FROM (SELECT u.tx_id, u.ordinal FROM app.unsealed u WHERE u.log_no = stopped.log_no
           ORDER BY u.tx_id, u.ordinal LIMIT 1) AS first
   WHERE (first.tx_id, first.ordinal - 1) < (c.tx_id, c.ordinal);
  UPDATE app.log_head h SET stopped_at = NULL, stop_reason = NULL, explained_size = h.size
   WHERE h.log_no = stopped.log_no;
  RETURN QUERY SELECT stopped.size, stopped.stopped_at, stopped.stop_reason,
                      (SELECT count(*) FROM app.unsealed u WHERE u.log_no = stopped.log_no);
END
$$;
REVOKE ALL ON FUNCTION app.resume_log(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.resume_log(text) TO logline_auditor;
