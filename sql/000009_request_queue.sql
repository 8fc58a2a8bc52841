-- What the request worker has to do: ids only, one row for each request that has not ended. Finished
-- requests leave the queue, so claiming costs the same after a million of them.

CREATE TABLE app.request_queue (
  request_id uuid        PRIMARY KEY,
  tenant_id  text        NOT NULL,
  owner_id   text        NOT NULL,
  -- Not before this moment. A claim moves it to the end of the lease, so a worker that dies gives the
  -- request back by doing nothing.
  due_at     timestamptz NOT NULL DEFAULT now(),
  attempt    integer     NOT NULL DEFAULT 0,
  lease_id   uuid,
  position   bigint      GENERATED ALWAYS AS IDENTITY
);
CREATE INDEX request_queue_due ON app.request_queue (due_at, position);
GRANT SELECT, UPDATE, DELETE ON app.request_queue TO logline_app;

-- Kept by trigger, so that queue and ledger change in one transaction whoever appends the span.
CREATE FUNCTION app.maintain_request_queue() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
  IF NEW.is_deleted OR NEW.status IN ('complete', 'error') THEN
    DELETE FROM app.request_queue WHERE request_id = NEW.id;
  ELSIF NEW.status = 'scheduled' THEN
    INSERT INTO app.request_queue (request_id, tenant_id, owner_id)
    VALUES (NEW.id, NEW.tenant_id, NEW.owner_id)
    ON CONFLICT (request_id) DO NOTHING;
  END IF;
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION app.maintain_request_queue() FROM PUBLIC;

CREATE TRIGGER request_queue
  AFTER INSERT ON ledger.universal_registry
  FOR EACH ROW WHEN (NEW.entity_type = 'request')
  EXECUTE FUNCTION app.maintain_request_queue();
