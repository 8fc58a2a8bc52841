-- Import: spans that were signed elsewhere, each under its owner's identity, as they are. What they started once is
-- not started again: the triggers that fill the work tables pass over what `ledger.import_spans` inserts. The mark counts
-- only inside a function that runs with another role's rights, which a session of the API cannot fake: there
-- current_user and session_user are the same.
CREATE OR REPLACE TRIGGER request_queue AFTER INSERT ON ledger.universal_registry FOR EACH ROW
  WHEN (NEW.entity_type = 'request'
        AND NOT (current_user <> session_user AND coalesce(current_setting('app.importing', true), '') = 'on'))
  EXECUTE FUNCTION app.maintain_request_queue();
CREATE OR REPLACE TRIGGER function_schedule AFTER INSERT ON ledger.universal_registry FOR EACH ROW
  WHEN (NEW.entity_type = 'function'
        AND NOT (current_user <> session_user AND coalesce(current_setting('app.importing', true), '') = 'on'))
  EXECUTE FUNCTION app.maintain_function_schedule();
CREATE OR REPLACE TRIGGER policy_cursor AFTER INSERT ON ledger.universal_registry FOR EACH ROW
  WHEN (NEW.entity_type = 'policy'
        AND NOT (current_user <> session_user AND coalesce(current_setting('app.importing', true), '') = 'on'))
  EXECUTE FUNCTION app.maintain_policy_cursor();
CREATE OR REPLACE TRIGGER ruling_queue AFTER INSERT ON ledger.universal_registry FOR EACH ROW
  WHEN (NEW.entity_type IN ('deliverable', 'contract')
        AND NOT (current_user <> session_user AND coalesce(current_setting('app.importing', true), '') = 'on'))
  EXECUTE FUNCTION app.maintain_ruling_queue();
ALTER TABLE ledger.universal_registry ENABLE ALWAYS TRIGGER request_queue;
ALTER TABLE ledger.universal_registry ENABLE ALWAYS TRIGGER function_schedule;
ALTER TABLE ledger.universal_registry ENABLE ALWAYS TRIGGER policy_cursor;
ALTER TABLE ledger.universal_registry ENABLE ALWAYS TRIGGER ruling_queue;

-- batches: [{"user_id", "tenant_id", "spans": […]}, …], appended in this order; how many spans are new. A span that the
-- ledger holds with the same hash counts as done, other content under its id and seq refuses all.
CREATE FUNCTION ledger.import_spans(batches json) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
  batch record;
  added integer;
  total integer := 0;
  taken record;
BEGIN
  PERFORM set_config('app.importing', 'on', true);
  FOR batch IN
    SELECT * FROM json_to_recordset(batches) AS b(user_id text, tenant_id text, spans json)
  LOOP
    PERFORM set_config('app.user_id', batch.user_id, true), set_config('app.tenant_id', batch.tenant_id, true);
    INSERT INTO ledger.universal_registry (
      id, seq, entity_type, who, did, this, at, parent_id, related_to, owner_id, tenant_id, visibility,
      status, is_deleted, name, description, code, language, runtime, input, output, error, metadata,
      duration_ms, trace_id, prev_hash, curr_hash, signature, public_key)
    SELECT
      id, seq, entity_type, who, did, this, at, parent_id, related_to, owner_id, tenant_id, visibility,
      status, is_deleted, name, description, code, language, runtime, input, output, error, metadata,
      duration_ms, trace_id, prev_hash, curr_hash, signature, public_key
    FROM json_populate_recordset(NULL::ledger.universal_registry, batch.spans)
    ON CONFLICT (id, seq) DO NOTHING;
    GET DIAGNOSTICS added = ROW_COUNT;
    total := total + added;
    IF added < json_array_length(batch.spans) THEN
      -- Read as the owner, so an id that somebody else took counts as taken.
      SELECT s.id, s.seq INTO taken
        FROM json_populate_recordset(NULL::ledger.universal_registry, batch.spans) AS s
       WHERE NOT EXISTS (SELECT FROM ledger.universal_registry r
                          WHERE r.id = s.id AND r.seq = s.seq AND r.curr_hash = s.curr_hash)
       LIMIT 1;
      IF FOUND THEN
        RAISE EXCEPTION 'span % has a version % with other content', taken.id, taken.seq
          USING ERRCODE = 'LL005';
      END IF;
    END IF;
  END LOOP;
  PERFORM set_config('app.importing', '', true);
  RETURN total;
END
$$;
REVOKE ALL ON FUNCTION ledger.import_spans(json) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.import_spans(json) TO logline_app;
