-- Which stretch of the feed a cursor belongs to. After a restore transaction ids may be given out a second time, so
-- a place in the feed is a place only together with its epoch. `logline restore` begins a new one; a cursor of an
-- old epoch goes on from the last place that survived.

CREATE TABLE app.feed_epoch (
  number         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  epoch          uuid        NOT NULL UNIQUE DEFAULT gen_random_uuid(),
  began_at       timestamptz NOT NULL DEFAULT now(),
  -- The last place of the epoch before that is still there; NULL for the first epoch.
  survived_tx_id   xid8,
  survived_ordinal bigint,
  CHECK ((survived_tx_id IS NULL) = (survived_ordinal IS NULL))
);
ALTER TABLE app.feed_epoch ENABLE ROW LEVEL SECURITY;
-- Not forced: its owner begins epochs. It names no tenant and no span.
CREATE POLICY read_by_app ON app.feed_epoch FOR SELECT TO logline_app USING (true);
CREATE POLICY back_up_all ON app.feed_epoch FOR SELECT TO logline_backup USING (true);
GRANT SELECT ON app.feed_epoch TO logline_app;

INSERT INTO app.feed_epoch DEFAULT VALUES;

-- Begins a new epoch behind the last span that is there, and says its name. For the owner of the ledger, while
-- nothing is written: row-level security hides the spans from everybody else, and for its duration not from the owner.
CREATE FUNCTION app.begin_feed_epoch() RETURNS uuid
LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog
AS $$
DECLARE
  begun uuid;
BEGIN
  ALTER TABLE ledger.universal_registry NO FORCE ROW LEVEL SECURITY;
  INSERT INTO app.feed_epoch (survived_tx_id, survived_ordinal)
  SELECT coalesce(last.tx_id, '0'), coalesce(last.ordinal, 0)
    FROM (VALUES (1)) AS always
    LEFT JOIN LATERAL (
      SELECT tx_id, ordinal FROM ledger.universal_registry ORDER BY tx_id DESC, ordinal DESC LIMIT 1
    ) AS last ON true
  RETURNING epoch INTO begun;
  ALTER TABLE ledger.universal_registry FORCE ROW LEVEL SECURITY;
  RETURN begun;
END
$$;
REVOKE ALL ON FUNCTION app.begin_feed_epoch() FROM PUBLIC;
