-- A schedule that is no text is a bad schedule like any other: the observer looks at the function once, says so in a
-- span, and looks no more. Only a schedule that is absent or null means none.
CREATE OR REPLACE FUNCTION app.maintain_function_schedule() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
  repeats boolean := coalesce(jsonb_typeof(NEW.metadata->'schedule'), 'null') <> 'null'
                     AND coalesce(NEW.status, '') NOT IN ('paused', 'disabled');
BEGIN
  IF NEW.is_deleted OR NOT (repeats OR coalesce(NEW.status, '') = 'scheduled') THEN
    DELETE FROM app.function_schedule WHERE function_id = NEW.id;
  ELSE
    INSERT INTO app.function_schedule (function_id, seq, tenant_id, owner_id, once)
    VALUES (NEW.id, NEW.seq, NEW.tenant_id, NEW.owner_id, NOT repeats)
    ON CONFLICT (function_id) DO UPDATE
      SET seq = excluded.seq, once = excluded.once, due_at = now(), done_until = NULL;
  END IF;
  RETURN NULL;
END
$$;
