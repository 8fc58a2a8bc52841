-- The fence of a single-flight job: whoever writes for a run holds its lease in the same transaction. The row lock makes
-- the next run wait for the end of that transaction; whoever has lost the lease is refused (LL010).
CREATE FUNCTION app.hold_job(job text, lease_id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
  PERFORM FROM app.job_run r WHERE r.job = hold_job.job AND r.lease_id = hold_job.lease_id FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'another run of % has its lease', hold_job.job USING ERRCODE = 'LL010';
  END IF;
END
$$;
GRANT EXECUTE ON FUNCTION app.hold_job(text, uuid) TO logline_kernel;
