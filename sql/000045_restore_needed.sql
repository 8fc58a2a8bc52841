-- Set at a start that finds a database which was put back by other means than `logline restore`: to an earlier moment,
-- or by a dump on a server whose transaction ids begin again. While it is set nobody follows the feed.

CREATE TABLE app.restore_needed (
  is_only boolean     PRIMARY KEY DEFAULT true CHECK (is_only),
  since   timestamptz NOT NULL DEFAULT now(),
  -- Stored transaction ids lie in the future of this server: what is appended now would fall behind every old cursor.
  is_ahead boolean    NOT NULL,
  -- The last span that was there: what is appended later belongs behind it, in the next epoch.
  survived_tx_id   xid8   NOT NULL,
  survived_ordinal bigint NOT NULL
);
ALTER TABLE app.restore_needed ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_by_app ON app.restore_needed FOR SELECT TO logline_app USING (true);
CREATE POLICY read_by_kernel ON app.restore_needed FOR SELECT TO logline_kernel USING (true);
CREATE POLICY notice ON app.restore_needed TO logline_sealer USING (true) WITH CHECK (true);
CREATE POLICY back_up_all ON app.restore_needed FOR SELECT TO logline_backup USING (true);
GRANT SELECT ON app.restore_needed TO logline_app, logline_kernel;
GRANT SELECT, INSERT ON app.restore_needed TO logline_sealer;

-- As before, but behind the span that was the last when the restore was noticed; and the notice is done with.
CREATE OR REPLACE FUNCTION app.begin_feed_epoch() RETURNS uuid
LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog
AS $$
DECLARE
  begun uuid;
BEGIN
  ALTER TABLE ledger.universal_registry NO FORCE ROW LEVEL SECURITY;
  INSERT INTO app.feed_epoch (survived_tx_id, survived_ordinal)
  SELECT coalesce(noticed.survived_tx_id, last.tx_id, '0'), coalesce(noticed.survived_ordinal, last.ordinal, 0)
    FROM (VALUES (1)) AS always
    LEFT JOIN app.restore_needed AS noticed ON true
    LEFT JOIN LATERAL (
      SELECT tx_id, ordinal FROM ledger.universal_registry ORDER BY tx_id DESC, ordinal DESC LIMIT 1
    ) AS last ON true
  RETURNING epoch INTO begun;
  ALTER TABLE ledger.universal_registry FORCE ROW LEVEL SECURITY;
  DELETE FROM app.restore_needed;
  RETURN begun;
END
$$;

-- Ticks look as well: what is sealed and lies behind the server's next transaction id says the same.
CREATE POLICY read_by_kernel ON app.seal_cursor FOR SELECT TO logline_kernel USING (true);
GRANT SELECT ON app.seal_cursor TO logline_kernel;
