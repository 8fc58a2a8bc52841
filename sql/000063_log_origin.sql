-- A restore that loses what was signed, or cannot tell whether it does, gives every log another name: what is signed from
-- then on may contradict checkpoints of the lost tail, and two checkpoints of one name never contradict each other. The
-- tree stays as it is, so what was signed of the part that survived goes on being a beginning of the log.

-- Part of the names of logs from this epoch on; NULL when it begins with the names of before.
ALTER TABLE app.feed_epoch ADD COLUMN log_name text UNIQUE CHECK (log_name ~ '^[0-9a-f]{8}$');

-- The later names of a log. Written together with the first checkpoint of each.
CREATE TABLE ledger.log_origin (
  log_no    integer NOT NULL,
  -- Checkpoints of more spans than this bear the name, until the next one.
  from_size bigint  NOT NULL CHECK (from_size >= 0),
  origin    text    NOT NULL UNIQUE CHECK (origin <> ''),
  PRIMARY KEY (log_no, from_size)
);
ALTER TABLE ledger.log_origin ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.log_origin
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.log_origin ENABLE ALWAYS TRIGGER append_only;
GRANT SELECT ON ledger.log_origin TO logline_app, logline_auditor, logline_backup;
GRANT SELECT, INSERT ON ledger.log_origin TO logline_sealer;
CREATE POLICY seal_read ON ledger.log_origin FOR SELECT TO logline_sealer USING (true);
CREATE POLICY seal ON ledger.log_origin FOR INSERT TO logline_sealer WITH CHECK (log_no > 0);
CREATE POLICY audit_all ON ledger.log_origin FOR SELECT TO logline_auditor USING (true);
CREATE POLICY back_up_all ON ledger.log_origin FOR SELECT TO logline_backup USING (true);
CREATE POLICY read_own_tenant ON ledger.log_origin FOR SELECT TO logline_app
  USING (log_no = (SELECT l.log_no FROM ledger.log l WHERE l.tenant_id = ledger.session_tenant_id()));

-- The name that a log's checkpoint of this size bears.
CREATE FUNCTION ledger.log_origin_at(log_number integer, checkpoint_size bigint) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(
  (SELECT o.origin FROM ledger.log_origin o
    WHERE o.log_no = log_number AND o.from_size < checkpoint_size ORDER BY o.from_size DESC LIMIT 1),
  (SELECT l.origin FROM ledger.log l WHERE l.log_no = log_number));
REVOKE ALL ON FUNCTION ledger.log_origin_at(integer, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.log_origin_at(integer, bigint)
  TO logline_app, logline_sealer, logline_auditor, logline_backup;

-- As before, and unless it is known that nothing signed was lost, logs go on under another name.
DROP FUNCTION app.begin_feed_epoch();
CREATE FUNCTION app.begin_feed_epoch(keeps_log_names boolean DEFAULT false) RETURNS uuid
LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog
AS $$
DECLARE
  begun uuid := gen_random_uuid();
BEGIN
  ALTER TABLE ledger.universal_registry NO FORCE ROW LEVEL SECURITY;
  INSERT INTO app.feed_epoch (epoch, log_name, survived_tx_id, survived_ordinal)
  SELECT begun, CASE WHEN NOT keeps_log_names THEN left(begun::text, 8) END,
         coalesce(noticed.survived_tx_id, last.tx_id, '0'), coalesce(noticed.survived_ordinal, last.ordinal, 0)
    FROM (VALUES (1)) AS always
    LEFT JOIN app.restore_needed AS noticed ON true
    LEFT JOIN LATERAL (
      SELECT tx_id, ordinal FROM ledger.universal_registry ORDER BY tx_id DESC, ordinal DESC LIMIT 1
    ) AS last ON true;
  ALTER TABLE ledger.universal_registry FORCE ROW LEVEL SECURITY;
  DELETE FROM app.restore_needed;
  UPDATE app.seal_cursor SET restore_needed = false WHERE restore_needed;
  RETURN begun;
END
$$;
REVOKE ALL ON FUNCTION app.begin_feed_epoch(boolean) FROM PUBLIC;
