-- As before, and where the sealer noticed the restore, as on AWS, behind what was sealed last: spans may have come between the
-- restore and its look, and only what was sealed is known to be of before. Cursors beyond it are given the few spans in
-- between a second time, rather than never those that came since.
CREATE OR REPLACE FUNCTION app.begin_feed_epoch(keeps_log_names boolean DEFAULT false) RETURNS uuid
LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog
AS $$
DECLARE
  begun uuid := gen_random_uuid();
BEGIN
  ALTER TABLE ledger.universal_registry NO FORCE ROW LEVEL SECURITY;
  INSERT INTO app.feed_epoch (epoch, log_name, survived_tx_id, survived_ordinal)
  SELECT begun, CASE WHEN NOT keeps_log_names THEN left(begun::text, 8) END,
         coalesce(noticed.survived_tx_id, sealed.tx_id, last.tx_id, '0'),
         coalesce(noticed.survived_ordinal, sealed.ordinal, last.ordinal, 0)
    FROM (VALUES (1)) AS always
    LEFT JOIN app.restore_needed AS noticed ON true
    LEFT JOIN app.seal_cursor AS sealed ON sealed.restore_needed
    LEFT JOIN LATERAL (
      SELECT tx_id, ordinal FROM ledger.universal_registry ORDER BY tx_id DESC, ordinal DESC LIMIT 1
    ) AS last ON true;
  ALTER TABLE ledger.universal_registry FORCE ROW LEVEL SECURITY;
  DELETE FROM app.restore_needed;
  UPDATE app.seal_cursor SET restore_needed = false WHERE restore_needed;
  RETURN begun;
END
$$;
