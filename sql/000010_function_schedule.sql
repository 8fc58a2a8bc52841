-- Which functions the observer has to look at: those to run once (status 'scheduled') and those with
-- metadata.schedule. Ids and times only.

CREATE TABLE app.function_schedule (
  function_id uuid        PRIMARY KEY,
  seq         integer     NOT NULL,
  tenant_id   text        NOT NULL,
  owner_id    text        NOT NULL,
  -- True: run this version once. False: metadata.schedule says when.
  once        boolean     NOT NULL,
  -- The observer looks again at this moment.
  due_at      timestamptz NOT NULL DEFAULT now(),
  -- Due times up to here have their request; a new version starts from its own `at`.
  done_until  timestamptz
);
CREATE INDEX function_schedule_due ON app.function_schedule (due_at);
GRANT SELECT, UPDATE, DELETE ON app.function_schedule TO logline_app;

CREATE FUNCTION app.maintain_function_schedule() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
  repeats boolean := jsonb_typeof(NEW.metadata->'schedule') = 'string'
                     AND coalesce(NEW.status, '') NOT IN ('paused', 'disabled');
BEGIN
  IF NEW.is_deleted OR NOT (coalesce(repeats, false) OR coalesce(NEW.status, '') = 'scheduled') THEN
    DELETE FROM app.function_schedule WHERE function_id = NEW.id;
  ELSE
    INSERT INTO app.function_schedule (function_id, seq, tenant_id, owner_id, once)
    VALUES (NEW.id, NEW.seq, NEW.tenant_id, NEW.owner_id, NOT coalesce(repeats, false))
    ON CONFLICT (function_id) DO UPDATE
      SET seq = excluded.seq, once = excluded.once, due_at = now(), done_until = NULL;
  END IF;
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION app.maintain_function_schedule() FROM PUBLIC;

CREATE TRIGGER function_schedule
  AFTER INSERT ON ledger.universal_registry
  FOR EACH ROW WHEN (NEW.entity_type = 'function')
  EXECUTE FUNCTION app.maintain_function_schedule();
