-- Versions of an entity form one chain: no gap, no fork, one owner (DESIGN.md section 3).

-- Entities that are deleted or were restored, one row per change, ids only. A deletion counts for every
-- reader, also for one who may read an older public version but not the private version that deleted it.
CREATE TABLE app.deletion (
  id         uuid    NOT NULL,
  seq        integer NOT NULL,
  is_deleted boolean NOT NULL,
  tx_id      xid8    NOT NULL DEFAULT pg_current_xact_id(),
  PRIMARY KEY (id, seq)
);
GRANT SELECT ON app.deletion TO logline_app;

-- SECURITY DEFINER only so that app.deletion is written by nothing else. Row-level security is forced on
-- the ledger, so the look-up of the version before still sees what the session's identity may see, and an
-- owner always sees the own versions: somebody else's hidden entity looks like one that does not exist.
CREATE FUNCTION ledger.check_version_chain() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
  before record;
  was_deleted boolean := false;
BEGIN
  IF NEW.seq > 0 THEN
    SELECT owner_id, tenant_id, curr_hash, is_deleted INTO before
      FROM ledger.universal_registry WHERE id = NEW.id AND seq = NEW.seq - 1;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'span % has no version % to follow', NEW.id, NEW.seq - 1 USING ERRCODE = 'LL001';
    END IF;
    IF before.owner_id <> NEW.owner_id OR before.tenant_id <> NEW.tenant_id THEN
      RAISE EXCEPTION 'span % belongs to somebody else', NEW.id USING ERRCODE = 'LL002';
    END IF;
    IF before.curr_hash <> NEW.prev_hash THEN
      RAISE EXCEPTION 'prev_hash is not the curr_hash of version % of span %', NEW.seq - 1, NEW.id
        USING ERRCODE = 'LL003';
    END IF;
    was_deleted := before.is_deleted;
  END IF;
  IF NEW.is_deleted <> was_deleted THEN
    INSERT INTO app.deletion (id, seq, is_deleted) VALUES (NEW.id, NEW.seq, NEW.is_deleted);
  END IF;
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION ledger.check_version_chain() FROM PUBLIC;

-- AFTER, so that row-level security and the primary key have spoken first. First versions, by far the
-- most rows, have nothing to follow and skip the function.
CREATE TRIGGER version_chain
  AFTER INSERT ON ledger.universal_registry
  FOR EACH ROW WHEN (NEW.seq > 0 OR NEW.is_deleted)
  EXECUTE FUNCTION ledger.check_version_chain();

ALTER TABLE ledger.universal_registry ENABLE ALWAYS TRIGGER version_chain;
