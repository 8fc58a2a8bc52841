-- Subjects that the midnight ruler has to look at: ids of deliverables and contracts that are still open.

CREATE TABLE app.ruling_queue (
  subject_id uuid PRIMARY KEY,
  tenant_id  text NOT NULL,
  owner_id   text NOT NULL,
  -- The local date (Europe/Paris) of the last night that looked at the newest version.
  ruled_on   date NOT NULL DEFAULT '-infinity'
);
CREATE INDEX ruling_queue_next ON app.ruling_queue (tenant_id, owner_id, ruled_on, subject_id);
GRANT SELECT, UPDATE ON app.ruling_queue TO logline_app;

CREATE FUNCTION app.maintain_ruling_queue() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
  IF NOT NEW.is_deleted AND coalesce(NEW.status, 'active') IN ('active', 'under_review') THEN
    INSERT INTO app.ruling_queue (subject_id, tenant_id, owner_id)
    VALUES (NEW.id, NEW.tenant_id, NEW.owner_id)
    ON CONFLICT (subject_id) DO UPDATE SET ruled_on = '-infinity';
  ELSE
    DELETE FROM app.ruling_queue WHERE subject_id = NEW.id;
  END IF;
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION app.maintain_ruling_queue() FROM PUBLIC;

CREATE TRIGGER ruling_queue
  AFTER INSERT ON ledger.universal_registry
  FOR EACH ROW WHEN (NEW.entity_type IN ('deliverable', 'contract'))
  EXECUTE FUNCTION app.maintain_ruling_queue();

-- Nights that are done, so that missed ones are noticed and caught up.
CREATE TABLE app.ruling_night (
  local_date date        PRIMARY KEY,
  done_at    timestamptz NOT NULL DEFAULT now(),
  -- All runs of this night together.
  decided    integer     NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON app.ruling_night TO logline_app;
