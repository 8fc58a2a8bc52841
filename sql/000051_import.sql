-- Import: spans that were signed elsewhere, each under its owner's identity, as they are. What they started once is
-- not started again: the triggers that fill the work tables pass over what `ledger.import_spans` inserts. The mark counts
-- only inside a function that runs with another role's rights, which a session of the API cannot fake: there
-- current_user and session_user are the same.
--
-- A frozen tenant is one that is moving in. Nothing of it is begun until it is thawed, so there the triggers do their
-- work, and what was open goes on then: open requests run, schedules go on with the next time that is due, policies with
-- what comes after the import, subjects with the next night.
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
  moves_in boolean;
BEGIN
  FOR batch IN
    SELECT * FROM json_to_recordset(batches) AS b(user_id text, tenant_id text, spans json)
  LOOP
    moves_in := EXISTS (SELECT FROM app.frozen_tenant f WHERE f.tenant_id = batch.tenant_id);
    PERFORM set_config('app.importing', CASE WHEN moves_in THEN '' ELSE 'on' END, true),
            set_config('app.user_id', batch.user_id, true), set_config('app.tenant_id', batch.tenant_id, true);
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
    IF moves_in AND added > 0 THEN
      UPDATE app.function_schedule s SET done_until = now()
        FROM json_to_recordset(batch.spans) AS f(id uuid) WHERE s.function_id = f.id AND NOT s.once;
      UPDATE app.ruling_queue q SET ruled_on = (now() AT TIME ZONE 'Europe/Paris')::date
        FROM json_to_recordset(batch.spans) AS f(id uuid) WHERE q.subject_id = f.id;
      -- Behind all that this transaction writes.
      UPDATE app.policy_cursor c SET tx_id = pg_current_xact_id(), ordinal = 9223372036854775807
       WHERE c.tenant_id = batch.tenant_id;
    END IF;
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
